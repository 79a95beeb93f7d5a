// The stage of the comparison: two pictures under one zoom, moved by wheel, mouse, fingers and keys.

import { comparedPart, comparedSize, createPicture, showCard, turnUpright } from "./picture.js";
import { boxOf, contained, panBy, settleZoom, startZoom, zoomBy } from "./zoom.js";

const dialog = document.querySelector(".hashing-compare");
const stage = dialog.querySelector(".hashing-compare__stage");
const divider = dialog.querySelector(".hashing-compare__divider");
const ZOOM_STEP = 1.5;
const PAN_STEP = 0.2;
const WHEEL_SPEED = 0.0015;
const PINCH_SPEED = 0.01;
const LINE_HEIGHT = 16;
const TAP_PIXELS = 4;
// Which of two pictures were compared by what is inside their frames.
const IMAGE_IN_FRAME = 1;
const KEEPER_IN_FRAME = 2;
// From here on, the pixels of an image are worth seeing as such.
const PIXELATED_SCALE = 3;
// Above this difference of two ratios, one image is cropped. Below, it is rounding, which would shift all details.
const MAX_ROUNDING = 0.03;
const DIVIDER_STEP = 2;
const pointers = new Map();
let zoom = startZoom();
let travelled = 0;
let isDrawing = false;

export const pictures = {
  first: createPicture(stage.querySelector("[data-side=first]"), drawSoon),
  second: createPicture(stage.querySelector("[data-side=second]"), drawSoon),
};

stage.addEventListener("wheel", turnWheel, { passive: false });
stage.addEventListener("pointerdown", press);
stage.addEventListener("pointermove", move);
stage.addEventListener("pointerup", release);
stage.addEventListener("pointercancel", (event) => pointers.delete(event.pointerId));
stage.addEventListener("dblclick", (event) => {
  if (event.target !== divider) toggleActual(pointIn(event));
});
stage.addEventListener("dragstart", (event) => event.preventDefault());
divider.addEventListener("keydown", moveDividerByKey);
// The views of a mode may be smaller than the stage.
new ResizeObserver(drawSoon).observe(pictures.first.view);

// A copy in a frame is compared without it: the frame lies around the place of the picture.
export function showPair(firstCard, secondCard) {
  const framing = framingOf(firstCard, secondCard);
  pictures.first.isInside = Boolean(framing & KEEPER_IN_FRAME);
  pictures.second.isInside = Boolean(framing & IMAGE_IN_FRAME);
  showCard(pictures.first, firstCard);
  showCard(pictures.second, secondCard);
  drawSoon();
}

// Known for an image beside its keeper. Turned images are compared as wholes: the box of an inside is not turned.
function framingOf(firstCard, secondCard) {
  const isKnown = firstCard.matches(".hashing-member--keeper") && secondCard.dataset.orientation === "1";
  return isKnown ? Number(secondCard.dataset.framing) : 0;
}

export function resetZoom() {
  zoom = startZoom();
  drawSoon();
}

// "fit" or "fill", which follow the size of the window.
export function zoomTo(fit) {
  zoom = { ...zoom, fit };
  drawSoon();
}

// To 100%, where a pixel of the image that is shown is one of the screen.
export function zoomToActual(point = middle()) {
  const picture = subject();
  settle(picture);
  scaleBy(picture.actualWidth / zoom.width, point);
}

export function isActual() {
  return Math.abs(zoom.width / subject().actualWidth - 1) < 0.005;
}

export function zoomIn(steps) {
  scaleBy(ZOOM_STEP ** steps, middle());
}

// Moves the view by steps; false if all of the picture is visible in that direction.
export function panTo(across, down) {
  const view = viewSize();
  const before = zoom;
  zoom = panBy(zoom, -across * view.width * PAN_STEP, -down * view.height * PAN_STEP, view, subject());
  drawSoon();
  return before.x !== zoom.x || before.y !== zoom.y;
}

function drawSoon() {
  if (isDrawing) return;
  isDrawing = true;
  requestAnimationFrame(() => {
    isDrawing = false;
    if (dialog.open && pictures.first.card && stage.clientWidth) draw();
  });
}

function draw() {
  const picture = subject();
  settle(picture);
  const box = boxOf(zoom, viewSize(), picture);
  for (const each of Object.values(pictures)) place(each, rectangleOf(each, box, picture));
  stage.dispatchEvent(new Event("hashing:drawn", { bubbles: true }));
}

function settle(picture) {
  zoom = settleZoom(zoom, viewSize(), picture);
}

// Whole pixels of the screen, so that 100% is sharp.
function place({ figure, ...picture }, rectangle) {
  const density = window.devicePixelRatio;
  for (const [name, length] of Object.entries(rectangle)) {
    figure.style.setProperty(name, `${Math.round(length * density) / density}px`);
  }
  turnUpright({ figure, ...picture });
  const isMagnified = scaleOf({ figure, ...picture }) >= PIXELATED_SCALE;
  figure.classList.toggle("hashing-compare__picture--magnified", isMagnified);
}

function rectangleOf(picture, box, subjectSize) {
  const [size, part] = [comparedSize(picture), comparedPart(picture)];
  const difference = Math.abs((size.width / size.height / subjectSize.width) * subjectSize.height - 1);
  const place = difference < MAX_ROUNDING ? box : contained(size, box);
  const [width, height] = [place.width / part.width, place.height / part.height];
  return { left: place.left - part.left * width, top: place.top - part.top * height, width, height };
}

// The first picture gives the box its proportions.
function subject() {
  const { width, height } = comparedSize(pictures.first);
  const actualWidths = Object.values(pictures).map((picture) => {
    const size = comparedSize(picture);
    return (width * size.width) / contained(size, { left: 0, top: 0, width, height }).width / window.devicePixelRatio;
  });
  const actualWidth = actualWidths[Object.keys(pictures).indexOf(dialog.dataset.shown)];
  return { width, height, actualWidth, sharpWidth: Math.max(...actualWidths) };
}

// Pixels of the screen to one of the image.
export function scaleOf(picture) {
  const size = comparedSize(picture);
  const { width } = contained(size, boxOf(zoom, viewSize(), subject()));
  return (width * window.devicePixelRatio) / size.width;
}

export function currentFit() {
  return zoom.fit;
}

function viewSize() {
  const { clientWidth: width, clientHeight: height } = pictures.first.view;
  return { width, height };
}

function middle() {
  const { width, height } = viewSize();
  return { x: width / 2, y: height / 2 };
}

// Where a pointer is in the view that it is over, which shows the same as the other one.
function pointIn(event) {
  const view = event.target.closest?.(".hashing-compare__view") ?? pictures.first.view;
  const { left, top } = view.getBoundingClientRect();
  return { x: event.clientX - left, y: event.clientY - top };
}

function scaleBy(factor, point) {
  zoom = zoomBy(zoom, factor, point, viewSize(), subject());
  drawSoon();
}

function toggleActual(point) {
  if (isActual()) zoomTo("fit");
  else zoomToActual(point);
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
  pointers.set(event.pointerId, { ...pointIn(event), isDivider: event.target === divider });
  event.target.setPointerCapture(event.pointerId);
}

function move(event) {
  const before = pointers.get(event.pointerId);
  if (!before) return;
  const point = { ...pointIn(event), isDivider: before.isDivider };
  if (before.isDivider) return dragDivider(event);
  const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
  pointers.set(event.pointerId, point);
  travelled += Math.hypot(point.x - before.x, point.y - before.y);
  if (other) return pinch(before, point, other);
  if (travelled <= TAP_PIXELS) return;
  zoom = panBy(zoom, point.x - before.x, point.y - before.y, viewSize(), subject());
  drawSoon();
}

// Each finger moves by itself: half of its way is that of the middle between both.
function pinch(before, after, other) {
  const [old, current] = [before, after].map((point) => Math.hypot(point.x - other.x, point.y - other.y));
  zoom = panBy(zoom, (after.x - before.x) / 2, (after.y - before.y) / 2, viewSize(), subject());
  scaleBy(current / Math.max(old, 1), { x: (after.x + other.x) / 2, y: (after.y + other.y) / 2 });
}

function release(event) {
  const point = pointers.get(event.pointerId);
  pointers.delete(event.pointerId);
  if (point && !point.isDivider && !pointers.size && travelled <= TAP_PIXELS) {
    event.target.dispatchEvent(new Event("hashing:tap", { bubbles: true }));
  }
}

export function moveDivider(percent) {
  const position = Math.round(Math.min(Math.max(percent, 0), 100));
  divider.ariaValueNow = String(position);
  stage.style.setProperty("--divider", `${position}%`);
}

function dragDivider(event) {
  const { left, width } = stage.getBoundingClientRect();
  moveDivider((100 * (event.clientX - left)) / width);
}

function moveDividerByKey(event) {
  const position = Number(divider.ariaValueNow);
  const target = {
    ArrowLeft: position - DIVIDER_STEP,
    ArrowDown: position - DIVIDER_STEP,
    ArrowRight: position + DIVIDER_STEP,
    ArrowUp: position + DIVIDER_STEP,
    Home: 0,
    End: 100,
  }[event.key];
  if (target === undefined) return;
  event.preventDefault();
  event.stopPropagation();
  moveDivider(target);
}
