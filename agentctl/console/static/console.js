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
