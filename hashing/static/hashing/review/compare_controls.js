// The buttons and keys of the comparison, and taps on its stage.

import {
  activate,
  chooseMode,
  decide,
  flip,
  moveWhenAnswered,
  reload,
  showBeyond,
  showImage,
  showNext,
  showNextGroup,
  undo,
} from "./compare.js";
import "./gestures.js";
import { panTo, zoomIn, zoomTo, zoomToActual } from "./loupe.js";

const dialog = document.querySelector(".hashing-compare");
const stage = dialog.querySelector(".hashing-compare__stage");
const opacitySlider = dialog.querySelector("input");
const help = document.querySelector(".hashing-keys");
const GLANCE_MILLISECONDS = 300;
const ZOOMS = {
  in: () => zoomIn(1),
  out: () => zoomIn(-1),
  fit: () => zoomTo("fit"),
  fill: () => zoomTo("fill"),
  actual: () => zoomToActual(),
};
const FORWARD = getComputedStyle(document.documentElement).direction === "rtl" ? -1 : 1;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const STEPS = { ArrowRight: FORWARD, ArrowLeft: -FORWARD, j: 1, k: -1 };
let heldSince = 0;

dialog.addEventListener("click", handleClick);
dialog.addEventListener("keydown", handleKey);
dialog.addEventListener("keyup", (event) => {
  if (event.key === " ") endGlance();
});
stage.addEventListener("hashing:tap", tap);
opacitySlider.addEventListener("input", () => stage.style.setProperty("--opacity", opacitySlider.value / 100));

function handleClick(event) {
  const button = event.target.closest("button");
  if (!button) return;
  const { mode, zoom, verdict, side, image, step } = button.dataset;
  const isSecondClick = event.detail > 1;
  if (mode) chooseMode(mode);
  if (zoom) ZOOMS[zoom]();
  if (verdict && !isSecondClick) decide(button);
  if (side) activate(side);
  if (image) showImage(image);
  if (step) moveWhenAnswered(() => showBeyond(Number(step)));
  if (button.matches(".hashing-compare__undo") && !isSecondClick) undo();
  if (button.matches(".hashing-compare__next-group")) moveWhenAnswered(() => showNextGroup(1));
  if (button.matches(".hashing-compare__help")) help.showModal();
  if (button.matches(".hashing-compare__reload")) reload();
}

function handleKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target === opacitySlider) return;
  const onButton = event.target.matches("button") && [" ", "Enter"].includes(event.key);
  if (onButton && !event.target.matches("[aria-current]")) return;
  const action = movementOf(event) ?? pressOf(event);
  if (!action) return;
  action();
  event.preventDefault();
  // What the dialog has handled is not for the page.
  event.stopPropagation();
}

// What a key without a button does; null for other keys.
function movementOf({ key, shiftKey, repeat }) {
  const arrow = ARROWS[key];
  if (arrow && (shiftKey || arrow[1])) return () => panTo(...arrow);
  if (STEPS[key]) return () => moveWhenAnswered(() => showNext(STEPS[key]));
  if (key === "G") return () => moveWhenAnswered(() => showNextGroup(-1));
  if (key === "=") return () => zoomIn(1);
  if (key === " ") return () => repeat || startGlance();
  return null;
}

function pressOf({ key, repeat }) {
  const button = [...dialog.querySelectorAll("[data-key]")].find((each) => each.dataset.key === key);
  if (!button) return null;
  const mayRepeat = button.matches("[data-zoom], .hashing-compare__next-group");
  return () => {
    if (!button.hidden && (mayRepeat || !repeat)) button.click();
  };
}

// In flip mode a click shows the other image; where both are visible, the one that was clicked becomes the active one.
function tap(event) {
  const side = event.target.closest(".hashing-compare__view")?.dataset.side;
  if (dialog.dataset.mode === "flip") flip();
  else if (dialog.dataset.mode === "side" && side) activate(side);
}

// A short press of the space bar flips to the other image, a long one shows it for a glance.
function startGlance() {
  heldSince = performance.now();
  flip();
}

function endGlance() {
  if (heldSince && performance.now() - heldSince > GLANCE_MILLISECONDS) flip();
  heldSince = 0;
}
