// What wheel, mouse and fingers do on the stage of the comparison: zoom and move the pictures, or tap one of them.

import { panByPixels, pictures, scaleBy, toggleActual } from "./loupe.js";

const stage = document.querySelector(".hashing-compare__stage");
const WHEEL_SPEED = 0.0015;
const PINCH_SPEED = 0.01;
const LINE_HEIGHT = 16;
const TAP_PIXELS = 4;
const pointers = new Map();
let travelled = 0;

stage.addEventListener("wheel", turnWheel, { passive: false });
stage.addEventListener("pointerdown", press);
stage.addEventListener("pointermove", move);
stage.addEventListener("pointerup", release);
stage.addEventListener("pointercancel", (event) => pointers.delete(event.pointerId));
stage.addEventListener("dblclick", (event) => toggleActual(pointIn(event)));
stage.addEventListener("dragstart", (event) => event.preventDefault());

// Where a pointer is in the view that it is over, which shows the same as the other one.
function pointIn(event) {
  const view = event.target.closest?.(".hashing-compare__view") ?? pictures.first.view;
  const { left, top } = view.getBoundingClientRect();
  return { x: event.clientX - left, y: event.clientY - top };
}

function turnWheel(event) {
  event.preventDefault();
  const distance = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE_HEIGHT : 1);
  // Browsers report a pinch on a touchpad as a wheel with Ctrl.
  scaleBy(Math.exp(-distance * (event.ctrlKey ? PINCH_SPEED : WHEEL_SPEED)), pointIn(event));
}

function press(event) {
  if (event.button) return;
  if (!pointers.size) travelled = 0;
  pointers.set(event.pointerId, pointIn(event));
  event.target.setPointerCapture(event.pointerId);
}

function move(event) {
  const before = pointers.get(event.pointerId);
  if (!before) return;
  const point = pointIn(event);
  const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
  pointers.set(event.pointerId, point);
  travelled += Math.hypot(point.x - before.x, point.y - before.y);
  if (other) pinch(before, point, other);
  else if (travelled > TAP_PIXELS) panByPixels(point.x - before.x, point.y - before.y);
}

// Each finger moves by itself: half of its way is that of the middle between both.
function pinch(before, after, other) {
  const [old, current] = [before, after].map((point) => Math.hypot(point.x - other.x, point.y - other.y));
  panByPixels((after.x - before.x) / 2, (after.y - before.y) / 2);
  scaleBy(current / Math.max(old, 1), { x: (after.x + other.x) / 2, y: (after.y + other.y) / 2 });
}

function release(event) {
  const isKnown = pointers.delete(event.pointerId);
  if (isKnown && !pointers.size && travelled <= TAP_PIXELS) {
    event.target.dispatchEvent(new Event("hashing:tap", { bubbles: true }));
  }
}
