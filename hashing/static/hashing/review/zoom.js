// Which part of a picture is visible, and how large. All pictures share one zoom: its `box` is where they are drawn, in
// CSS pixels of the view, and `x` and `y` are the point of the box in the middle of the view, from 0 to 1.

const MAX_SCALE = 32;
const MIN_SIDE = 16;
// A picture that is so much longer than the view is unreadable as a whole.
const MAX_FITTED_LENGTH = 3;

export function startZoom() {
  return { x: 0.5, y: 0.5, width: 0, fit: "auto" };
}

// Returns the zoom that belongs to the size of the view. `picture` is the size of the upright picture in pixels, and
// `actualWidth` the width of the box in which its pixels are those of the screen.
export function settleZoom(zoom, view, picture, actualWidth) {
  const ratio = picture.width / picture.height;
  if (zoom.fit === "auto") return settleZoom(startingZoom(zoom, view, ratio), view, picture, actualWidth);
  const width = limitWidth(widthOf(zoom, view, ratio, actualWidth), view, ratio, actualWidth);
  return clampCenter({ ...zoom, width }, view, ratio);
}

function startingZoom(zoom, view, ratio) {
  const length = ratio / (view.width / view.height);
  const isLong = Math.max(length, 1 / length) > MAX_FITTED_LENGTH;
  return isLong ? { ...zoom, fit: "fill", x: 0, y: 0 } : { ...zoom, fit: "fit", x: 0.5, y: 0.5 };
}

function widthOf(zoom, view, ratio, actualWidth) {
  const fitted = Math.min(view.width, view.height * ratio);
  // The shorter side fills the view, without being enlarged.
  const filled = Math.min(Math.max(view.width, view.height * ratio), Math.max(actualWidth, fitted));
  return { fit: fitted, fill: filled, actual: actualWidth }[zoom.fit] ?? zoom.width;
}

function limitWidth(width, view, ratio, actualWidth) {
  const fitted = Math.min(view.width, view.height * ratio);
  const smallest = Math.min(MIN_SIDE * Math.max(1, ratio), fitted, actualWidth);
  return Math.min(Math.max(width, smallest), Math.max(actualWidth, fitted) * MAX_SCALE);
}

// No empty space beside a picture that is larger than the view; a smaller one is in the middle.
function clampCenter(zoom, view, ratio) {
  return { ...zoom, x: clamped(zoom.x, view.width, zoom.width), y: clamped(zoom.y, view.height, zoom.width / ratio) };
}

function clamped(position, visible, whole) {
  if (whole <= visible) return 0.5;
  const margin = visible / 2 / whole;
  return Math.min(Math.max(position, margin), 1 - margin);
}

export function boxOf(zoom, view, picture) {
  const [width, height] = [zoom.width, (zoom.width * picture.height) / picture.width];
  return { left: view.width / 2 - zoom.x * width, top: view.height / 2 - zoom.y * height, width, height };
}

// The same point of the picture stays under `point`, which is in CSS pixels of the view.
export function zoomBy(zoom, factor, point, view, picture, actualWidth) {
  const before = boxOf(zoom, view, picture);
  const [across, down] = [(point.x - before.left) / before.width, (point.y - before.top) / before.height];
  const free = { ...zoom, fit: null, width: zoom.width * factor };
  const { width } = settleZoom(free, view, picture, actualWidth);
  const height = (width * picture.height) / picture.width;
  const x = across - (point.x - view.width / 2) / width;
  const y = down - (point.y - view.height / 2) / height;
  return settleZoom({ ...free, width, x, y }, view, picture, actualWidth);
}

export function panBy(zoom, across, down, view, picture, actualWidth) {
  const height = (zoom.width * picture.height) / picture.width;
  const moved = { ...zoom, x: zoom.x - across / zoom.width, y: zoom.y - down / height };
  return settleZoom(moved, view, picture, actualWidth);
}

// The largest rectangle of the proportions of `picture` in the middle of a box.
export function contained(picture, box) {
  const scale = Math.min(box.width / picture.width, box.height / picture.height);
  const [width, height] = [picture.width * scale, picture.height * scale];
  return { left: box.left + (box.width - width) / 2, top: box.top + (box.height - height) / 2, width, height };
}
