// What no page needs, and every page is nicer with: shortcuts, choices that submit themselves, what is new in view.
"use strict";

document.documentElement.classList.add("scripted");

// The page that is open is in view where the menu has no room for all.
for (const here of document.querySelectorAll(".bar nav [aria-current]")) {
  const nav = here.closest("nav");
  nav.scrollLeft = here.offsetLeft - nav.offsetLeft - (nav.clientWidth - here.offsetWidth) / 2;
}

document.addEventListener("change", (event) => {
  if (event.target instanceof HTMLSelectElement && "submits" in event.target.dataset) event.target.form.requestSubmit();
});

document.addEventListener("keydown", (event) => {
  const typing = event.target instanceof Element && event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key === "Escape") for (const menu of document.querySelectorAll(".menu[open]")) menu.open = false;
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") {
    const field = document.querySelector("[data-shortcut='/']");
    if (field) { event.preventDefault(); field.focus(); field.select(); }
  } else if (event.key === "j" || event.key === "k") {
    step(event.key === "j" ? 1 : -1);
  }
});

// j and k go through a list's rows, as in mail readers; Enter opens the one that has the focus.
function step(by) {
  const rows = [...document.querySelectorAll(".list .row, .items.wide a")];
  if (!rows.length) return;
  const at = rows.indexOf(document.activeElement);
  const next = rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by))];
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll(".menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});

// What came while the page was open is lit up for a moment.
let known = null;
function rows() { return new Set([...document.querySelectorAll(".list tbody tr[id]")].map((row) => row.id)); }
document.addEventListener("DOMContentLoaded", () => { known = rows(); });
document.addEventListener("htmx:after:swap", () => {
  const now = rows();
  for (const id of now) if (known && !known.has(id)) document.getElementById(id).classList.add("arrived");
  known = now;
});

// A page whose server does not answer says since when, by the project's clock; who is not signed in any more goes to the
// door, and comes back here from there.
const away = document.getElementById("away");
const lost = new Set();
function told(what, isLost) {
  if (isLost) lost.add(what); else lost.delete(what);
  if (!lost.size) away.hidden = true;
  if (lost.size && away.hidden && !away.dataset.since) {
    away.dataset.since = Date.now();
    setTimeout(say, 1000); // what is cut off by leaving the page is none
  }
}
function say() {
  const since = new Date(Number(away.dataset.since));
  delete away.dataset.since;
  if (!lost.size) return;
  const time = since.toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", timeZone: away.dataset.zone });
  away.hidden = false;
  away.textContent = away.dataset.said.replace("{time}", time);
}
// Whoever is out is led to the door and back, once: stream and parts of a page all hear of it.
let leaving = false;
function leave() {
  if (leaving) return;
  leaving = true;
  location.assign(`/enter?${new URLSearchParams({ after: location.pathname + location.search })}`);
}
const part = (context) => (context.sourceElement === document.body ? "stream" : "part");
const isLost = ({ response }) => !response || response.status === 429 || response.status >= 500;
document.addEventListener("htmx:sse:after:connection", () => {
  failures.delete(document.body);
  told("stream", false);
});
document.addEventListener("htmx:sse:error", ({ detail }) => {
  if (detail.status === 401) leave();
  else told("stream", true);
});
document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
  if (ctx.response.status === 401) leave();
  told(part(ctx), isLost(ctx));
});
document.addEventListener("htmx:error", ({ detail }) => { if (detail.ctx?.request) told(part(detail.ctx), true); });

// A stream that was open comes back by itself; one that could not be opened, and a part that was lost, are asked for
// again, later and later, and those of a page that nobody looks at once somebody does: a browser has six connections to
// a host, for all of its pages. Each is asked for once it has failed, so that there are never two.
const failures = new WeakMap();
const due = new WeakSet();
function later(asked) {
  if (due.has(asked)) return;
  due.add(asked);
  const ask = () => {
    due.delete(asked);
    if (asked === document.body) asked.dispatchEvent(new Event("unheard"));
    else if (asked.isConnected) htmx.ajax("GET", asked.getAttribute("hx-get"), { source: asked });
  };
  const times = failures.get(asked) ?? 0;
  failures.set(asked, times + 1);
  if (document.hidden) document.addEventListener("visibilitychange", ask, { once: true });
  else setTimeout(ask, Math.min(10_000, 500 * 2 ** times));
}
document.addEventListener("htmx:before:request", (event) => {
  if (document.hidden && event.detail.ctx.sourceElement === document.body) event.preventDefault();
});
document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  const { sourceElement: source, response } = ctx;
  const asked = source === document.body ? source : source.closest("[hx-get]"); // what is around a form shows what it did
  if (!asked) return;
  if (source === document.body ? response?.status !== 200 : isLost(ctx)) later(asked);
  else failures.delete(asked);
});

// What nobody tells us of, such as what is changed at the platform, is looked at each minute while somebody looks.
let looked = Date.now();
function look() {
  if (document.hidden || Date.now() - looked < 60_000) return;
  looked = Date.now();
  document.body.dispatchEvent(new Event("minute"));
}
setInterval(look, 5_000);
document.addEventListener("visibilitychange", look);

// What was sent is not sent again while its answer is awaited, unless somebody stops that or comes back to it.
let sent = new WeakSet();
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented || !event.target.matches("[method=post]:not([hx-post])")) return;
  if (sent.has(event.target)) event.preventDefault();
  sent.add(event.target);
});
addEventListener("pageshow", () => { sent = new WeakSet(); });
window.navigation?.addEventListener("navigateerror", () => { sent = new WeakSet(); });

// A form that is answered in place shows what went wrong with it as a page, as without scripts: the very answer, since
// what the form sends may have been done, and is not sent twice.
document.addEventListener("htmx:response:error", ({ detail: { ctx } }) => {
  if (!(ctx.sourceElement instanceof HTMLFormElement && ctx.text)) return;
  const { title, body } = new DOMParser().parseFromString(ctx.text, "text/html");
  document.title = title;
  document.body.replaceWith(body);
});

// A double-click is one click: the second one would tick what has moved up, or undo the first.
document.addEventListener("click", (event) => {
  if (event.detail > 1 && event.target.closest(".tick")) event.preventDefault();
});

// And a key that is held is one stroke: it would tick one after the other, as each has the focus then.
document.addEventListener("keydown", (event) => {
  if (event.repeat && event.target.closest?.(".tick")) event.preventDefault();
});

// Who ticks off an item of a list that it leaves by that stands at the next one then.
const ticks = () => [...document.querySelectorAll(".tick")];
let ticked = -1;
document.addEventListener("submit", ({ target }) => { ticked = ticks().indexOf(target.querySelector(".tick")); });
document.addEventListener("htmx:after:swap", () => {
  const next = ticks()[Math.min(ticked, ticks().length - 1)];
  if (next && document.activeElement === document.body) next.focus({ preventScroll: true });
  ticked = -1;
});

// What was typed is not lost by a slip; who leaves by the form's own way means it.
const guarded = document.querySelector("form[data-guarded]");
if (guarded) {
  let typed = Boolean(guarded.dataset.guarded);
  guarded.addEventListener("input", () => { typed = true; });
  guarded.addEventListener("submit", () => { typed = false; });
  guarded.addEventListener("click", (event) => { if (event.target.closest(".actions a")) typed = false; });
  addEventListener("beforeunload", (event) => {
    if (!typed) return;
    event.preventDefault();
    sent = new WeakSet(); // who stays may send what would have led away
  });
}
