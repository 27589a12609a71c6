// The turns follow the sound, and the sound goes to a turn that is clicked.
"use strict";

const sound = document.getElementById("sound");
const turns = [...document.querySelectorAll(".turn[data-at]")];

if (sound) {
  sound.addEventListener("timeupdate", () => {
    let playing = null;
    for (const turn of turns) if (Number(turn.dataset.at) <= sound.currentTime) playing = turn;
    for (const turn of turns) turn.classList.toggle("playing", turn === playing && !sound.paused);
  });
  for (const turn of turns) {
    const at = turn.querySelector(".at");
    if (at) at.addEventListener("click", () => { sound.currentTime = Number(turn.dataset.at); sound.play(); });
  }
}
