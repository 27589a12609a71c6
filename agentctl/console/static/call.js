// The turns follow the sound, and the sound goes to a turn that is clicked.
"use strict";

const sound = document.getElementById("sound");
const turns = [...document.querySelectorAll(".turn[data-at]")];

// What is played is kept in view for whoever looks at it; who has scrolled elsewhere reads there in peace.
const calm = matchMedia("(prefers-reduced-motion: reduce)");
let last = null;
function seen(turn) {
  const { top, bottom } = turn.getBoundingClientRect();
  return bottom > sound.getBoundingClientRect().bottom && top < innerHeight;
}
function follow(playing) {
  if (playing !== last && (!last || seen(last))) playing.scrollIntoView({ block: "nearest", behavior: calm.matches ? "instant" : "smooth" });
  last = playing;
}

if (sound) {
  sound.addEventListener("timeupdate", () => {
    let playing = null;
    for (const turn of turns) if (Number(turn.dataset.at) <= sound.currentTime) playing = turn;
    for (const turn of turns) turn.classList.toggle("playing", turn === playing && !sound.paused);
    if (playing && !sound.paused) follow(playing);
  });
  for (const turn of turns) {
    const at = turn.querySelector(".at");
    if (at) at.addEventListener("click", () => { sound.currentTime = Number(turn.dataset.at); sound.play(); });
  }
}
