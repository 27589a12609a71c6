// One call at a time, by ElevenLabs' own client. Its address comes from our server, which asks for it with the key.
"use strict";

{
  const part = (id) => document.getElementById(id);
  const [panel, state, mode, after] = ["talk", "state", "mode", "after"].map(part);
  const [problem, why, english] = ["problem", "why", "english"].map(part);
  const [call, mute, end, hearing, level, length] = ["call", "mute", "end", "hearing", "level", "length"].map(part);
  const [log, writing, field] = ["log", "writing", "text"].map(part);
  const told = JSON.parse(panel.dataset.told);
  // Marks that reorder what stands around them, as the other pages leave them out.
  const reordering = /[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]/g;

  let talking = null; // the conversation
  let attempt = 0; // which one; whoever hangs up while it is being connected makes it another
  let begun = 0;
  let muted = false;
  let active = 0;

  // The client takes another address for its resampler at the microphone alone (1.25.0): at the loudspeaker it would
  // ask a foreign host, where a browser cannot set a sample rate, as Firefox.
  if (window.AudioWorklet) {
    const ours = AudioWorklet.prototype.addModule;
    AudioWorklet.prototype.addModule = function (url, options) {
      const foreign = new URL(url, location.href).origin !== location.origin;
      return ours.call(this, foreign ? panel.dataset.rates : url, options);
    };
  }

  function show(name, trouble = {}) {
    state.textContent = told[name];
    panel.dataset.state = name;
    tell(trouble);
  }

  // In the page's language, and what there is in English alone.
  function tell({ problem: said = "", english: rest = "" }) {
    why.textContent = said;
    english.textContent = rest;
    for (const one of [why, english]) (one.closest("details") || one).hidden = !one.textContent;
    problem.hidden = !said && !rest;
  }

  function clock(milliseconds) {
    const seconds = Math.max(0, Math.round(milliseconds / 1000));
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }

  function turn(role, words, event) {
    const made = part(`turn-${role}`).content.cloneNode(true).firstElementChild;
    made.querySelector(".words").textContent = words.replace(reordering, "");
    made.querySelector(".at").textContent = clock(performance.now() - begun);
    if (event !== undefined) made.dataset.event = event;
    log.querySelector(".invite").hidden = true;
    log.querySelector(".turns").append(made);
    writing.scrollIntoView({ block: "nearest" });
  }

  function corrected({ event_id: event, corrected_agent_response: words }) {
    const cut = log.querySelector(`.turn.agent[data-event="${CSS.escape(String(event))}"]`);
    if (!cut) return;
    cut.querySelector(".words").textContent = words.replace(reordering, "");
    cut.querySelector(".cut").hidden = false;
  }

  function controls(on, voice = on) {
    const focused = [call, mute, end, field].includes(document.activeElement);
    call.hidden = on;
    end.hidden = !on;
    mute.hidden = hearing.hidden = !voice;
    if (focused && document.activeElement !== field) (on ? end : call).focus();
  }

  function writable(on) {
    field.disabled = writing.querySelector("button").disabled = !on;
  }

  function heard(volume) {
    level.setAttribute("aria-valuenow", String(Math.round(100 * volume)));
    level.firstElementChild.style.transform = `scaleX(${volume})`;
  }

  function tick() {
    if (!talking) return;
    if (!hearing.hidden) heard(muted ? 0 : Math.min(1, 2.5 * talking.getInputVolume()));
    length.textContent = clock(performance.now() - begun);
    requestAnimationFrame(tick);
  }

  class Refusal extends Error {
    constructor(trouble) { super(); this.trouble = trouble; }
  }

  async function invitation() {
    const answer = await fetch(panel.dataset.call, {
      method: "POST",
      body: new URLSearchParams({ _token: panel.dataset.token }),
    });
    if (!(answer.headers.get("content-type") || "").startsWith("application/json")) throw new Refusal({ problem: told.old });
    const given = await answer.json();
    if (!given.url) throw new Refusal(given);
    return given;
  }

  function reason(error) {
    if (error instanceof Refusal) return error.trouble;
    if (error.name === "NotAllowedError" || error.name === "SecurityError") return { problem: told.denied };
    if (error.name === "NotFoundError" || error.name === "NotReadableError") return { problem: told.missing };
    return foreign(error.closeReason || error.message || String(error));
  }

  function foreign(message) {
    return { problem: told.other, english: message };
  }

  async function begin() {
    const mine = ++attempt;
    const written = part("terms").dataset.written === "yes";
    let microphone = null;
    after.hidden = true;
    log.querySelector(".turns").replaceChildren();
    controls(true, false);
    show("connecting");
    try {
      if (!written && !navigator.mediaDevices) throw new Refusal({ problem: told.insecure });
      // Asked for before a call is counted; kept until the client has its own, so that nobody is asked twice.
      if (!written) microphone = await navigator.mediaDevices.getUserMedia({ audio: true });
      const given = await invitation();
      if (mine !== attempt) return;
      const made = await connected(mine, given);
      if (mine !== attempt) await made.endSession();
    } catch (error) {
      if (mine !== attempt) return;
      attempt++;
      controls(false);
      show("refused", reason(error));
    } finally {
      for (const track of microphone ? microphone.getTracks() : []) track.stop();
    }
  }

  function connected(mine, given) {
    const { TextConversation, VoiceConversation } = window.ElevenLabsClient;
    const mineStill = (does) => (what) => { if (mine === attempt) does(what); };
    return (given.text_only ? TextConversation : VoiceConversation).startSession({
      signedUrl: given.url,
      workletPaths: { rawAudioProcessor: panel.dataset.microphone, audioConcatProcessor: panel.dataset.loudspeaker },
      libsampleratePath: panel.dataset.rates,
      onConversationCreated: mineStill((made) => { talking = made; open(given); }),
      onMessage: mineStill(({ role, message, event_id: event }) => turn(role, message, event)),
      onAgentResponseCorrection: mineStill(corrected),
      onModeChange: mineStill(({ mode: now }) => whose(given.text_only ? "" : now)),
      onError: mineStill((message) => tell(foreign(message))),
      onDisconnect: mineStill(over),
    });
  }

  function open(given) {
    const voice = !given.text_only;
    begun = performance.now();
    muted = false;
    mute.setAttribute("aria-pressed", "false");
    // What is heard is not read aloud over it.
    log.setAttribute("aria-live", voice ? "off" : "polite");
    if (given.untold) log.querySelector(".invite").textContent = told.unread;
    length.hidden = false;
    show("connected");
    controls(true, voice);
    writable(true);
    tick();
  }

  function whose(now) {
    mode.textContent = told[now] || "";
    panel.dataset.mode = now;
  }

  function over(details) {
    attempt++;
    talking = null;
    heard(0);
    whose("");
    writable(false);
    controls(false);
    show(details.reason, details.reason === "error" ? foreign(details.closeReason || details.message) : {});
    after.hidden = false;
  }

  function hangUp() {
    if (talking) { talking.endSession(); return; }
    attempt++;
    controls(false);
    show("ready");
  }

  call.addEventListener("click", begin);
  end.addEventListener("click", hangUp);
  mute.addEventListener("click", () => {
    muted = !muted;
    talking.setMicMuted(muted);
    mute.setAttribute("aria-pressed", String(muted));
    show(muted ? "muted" : "unmuted");
  });
  field.addEventListener("input", () => {
    if (!talking || performance.now() - active < 1000) return;
    active = performance.now();
    talking.sendUserActivity(); // the agent does not begin to speak while somebody writes
  });
  writing.addEventListener("submit", (event) => {
    event.preventDefault();
    const words = field.value.trim();
    if (!talking || !words) return;
    talking.sendUserMessage(words);
    turn("user", words); // what was typed comes back as no transcript
    field.value = "";
  });
  addEventListener("pagehide", () => { if (talking) talking.endSession(); });
}
