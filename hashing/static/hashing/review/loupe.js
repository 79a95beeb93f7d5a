// The stage of the comparison: draws two pictures under one zoom.

import { comparedPart, comparedSize, createPicture, showCard, turnUpright } from "./picture.js";
import { boxOf, contained, panBy, settleZoom, startZoom, zoomBy } from "./zoom.js";

const dialog = document.querySelector(".hashing-compare");
const stage = dialog.querySelector(".hashing-compare__stage");
const ZOOM_STEP = 1.5;
const PAN_STEP = 0.2;
// The bits of `framing`.
const IMAGE_IN_FRAME = 1;
const KEEPER_IN_FRAME = 2;
// From here on, the pixels of an image are worth seeing as such.
const PIXELATED_SCALE = 3;
// Above this difference of two ratios, one image is cropped. Below, it is rounding, which would shift all details.
const MAX_ROUNDING = 0.03;
let zoom = startZoom();
let isDrawing = false;

export const pictures = {
  first: createPicture(stage.querySelector("[data-side=first]"), drawSoon),
  second: createPicture(stage.querySelector("[data-side=second]"), drawSoon),
};

// The views of a mode may be smaller than the stage.
new ResizeObserver(drawSoon).observe(pictures.first.view);

// Shows two cards. A copy in a frame is compared without it: the frame lies around the place of the picture.
export function showPair(firstCard, secondCard) {
  const framing = framingOf(firstCard, secondCard);
  pictures.first.isInside = Boolean(framing & KEEPER_IN_FRAME);
  pictures.second.isInside = Boolean(framing & IMAGE_IN_FRAME);
  showCard(pictures.first, firstCard);
  showCard(pictures.second, secondCard);
  drawSoon();
}

// Which of the two are compared by what is inside their frames; known for an image beside its keeper. Turned images are
// compared as wholes: the box of an inside is not turned.
function framingOf(firstCard, secondCard) {
  const isKnown = firstCard.matches(".hashing-member--keeper") && secondCard.dataset.orientation === "1";
  return isKnown ? Number(secondCard.dataset.framing) : 0;
}

export function resetZoom() {
  zoom = startZoom();
  drawSoon();
}

// `fit` is "fit" or "fill", which follow the size of the window.
export function zoomTo(fit) {
  zoom = { ...zoom, fit };
  drawSoon();
}

// Zooms to 100%, where a pixel of the image that is shown is one of the screen.
export function zoomToActual(point = middle()) {
  const picture = subject();
  settle(picture);
  scaleBy(picture.actualWidth / zoom.width, point);
}

export function toggleActual(point) {
  if (isActual()) zoomTo("fit");
  else zoomToActual(point);
}

export function isActual() {
  return Math.abs(zoom.width / subject().actualWidth - 1) < 0.005;
}

export function zoomIn(steps) {
  scaleBy(ZOOM_STEP ** steps, middle());
}

export function scaleBy(factor, point) {
  zoom = zoomBy(zoom, factor, point, viewSize(), subject());
  drawSoon();
}

// Moves the view by steps.
export function panTo(across, down) {
  const { width, height } = viewSize();
  panByPixels(-across * width * PAN_STEP, -down * height * PAN_STEP);
}

// Moves the pictures by CSS pixels.
export function panByPixels(across, down) {
  zoom = panBy(zoom, across, down, viewSize(), subject());
  drawSoon();
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

// Places a picture at whole pixels of the screen, so that 100% is sharp.
function place(picture, rectangle) {
  const { figure } = picture;
  const density = window.devicePixelRatio;
  for (const [name, length] of Object.entries(rectangle)) {
    figure.style.setProperty(name, `${Math.round(length * density) / density}px`);
  }
  turnUpright(picture);
  figure.classList.toggle("hashing-compare__picture--magnified", scaleOf(picture) >= PIXELATED_SCALE);
}

function rectangleOf(picture, box, subjectSize) {
  const [size, part] = [comparedSize(picture), comparedPart(picture)];
  const difference = Math.abs((size.width / size.height / subjectSize.width) * subjectSize.height - 1);
  const place = difference < MAX_ROUNDING ? box : contained(size, box);
  const [width, height] = [place.width / part.width, place.height / part.height];
  return { left: place.left - part.left * width, top: place.top - part.top * height, width, height };
}

// The `picture` of zoom.js: the first one gives the box its proportions.
function subject() {
  const { width, height } = comparedSize(pictures.first);
  const actualWidths = Object.values(pictures).map((picture) => {
    const size = comparedSize(picture);
    return (width * size.width) / contained(size, { left: 0, top: 0, width, height }).width / window.devicePixelRatio;
  });
  const actualWidth = actualWidths[Object.keys(pictures).indexOf(dialog.dataset.shown)];
  return { width, height, actualWidth, sharpWidth: Math.max(...actualWidths) };
}

// How many pixels of the screen there are to one of the image.
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
