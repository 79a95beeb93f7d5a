// Which part of a picture is visible, and how large. All pictures share one zoom: its `box` is where they are drawn, in
// CSS pixels of the view, and `x` and `y` are the point of the box in the middle of the view, from 0 to 1.
//
// The functions take the `picture` that gives the box its proportions, with three widths in pixels: its own `width`; the
// `actualWidth` of the box in which the pixels of what is shown are those of the screen; and the `sharpWidth` of the box
// in which this is so for the image with the most pixels.

const MAX_SCALE = 32;
const MIN_SIDE = 16;
// A picture that is higher than this many views is unreadable as a whole. A wide one is shown as a whole first.
const MAX_FITTED_HEIGHT = 3;

export function startZoom() {
  return { x: 0.5, y: 0.5, width: 0, fit: "auto" };
}

// Returns the zoom that belongs to the size of the view.
export function settleZoom(zoom, view, picture) {
  if (zoom.fit === "auto") return settleZoom(startingZoom(zoom, view, picture), view, picture);
  const width = limitWidth(widthOf(zoom, view, picture), view, picture);
  return clampCenter({ ...zoom, width }, view, picture.width / picture.height);
}

function startingZoom(zoom, view, picture) {
  const isHigh = picture.height / picture.width > (MAX_FITTED_HEIGHT * view.height) / view.width;
  return isHigh ? { ...zoom, fit: "fill", y: 0 } : { ...zoom, fit: "fit" };
}

// What is fitted into the view is not enlarged, except for an image beside one with more pixels.
function widthOf(zoom, view, picture) {
  const [fitted, filled] = [Math.min, Math.max].map((choose) => choose(view.width, widthAtHeight(view.height, picture)));
  const widths = { fit: Math.min(fitted, picture.sharpWidth), fill: Math.min(filled, picture.sharpWidth) };
  return widths[zoom.fit] ?? zoom.width;
}

function widthAtHeight(height, picture) {
  return (height * picture.width) / picture.height;
}

function limitWidth(width, view, picture) {
  const fitted = Math.min(view.width, widthAtHeight(view.height, picture));
  const smallest = Math.min(Math.max(MIN_SIDE, widthAtHeight(MIN_SIDE, picture)), fitted, picture.actualWidth);
  return Math.min(Math.max(width, smallest), Math.max(picture.actualWidth, fitted) * MAX_SCALE);
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
export function zoomBy(zoom, factor, point, view, picture) {
  const before = boxOf(zoom, view, picture);
  const [across, down] = [(point.x - before.left) / before.width, (point.y - before.top) / before.height];
  const free = { ...zoom, fit: null, width: zoom.width * factor };
  const { width } = settleZoom(free, view, picture);
  const height = (width * picture.height) / picture.width;
  const x = across - (point.x - view.width / 2) / width;
  const y = down - (point.y - view.height / 2) / height;
  return settleZoom({ ...free, width, x, y }, view, picture);
}

export function panBy(zoom, across, down, view, picture) {
  const height = (zoom.width * picture.height) / picture.width;
  const moved = { ...zoom, x: zoom.x - across / zoom.width, y: zoom.y - down / height };
  return settleZoom(moved, view, picture);
}

// The largest rectangle of the proportions of `picture` in the middle of a box.
export function contained(picture, box) {
  const scale = Math.min(box.width / picture.width, box.height / picture.height);
  const [width, height] = [picture.width * scale, picture.height * scale];
  return { left: box.left + (box.width - width) / 2, top: box.top + (box.height - height) / 2, width, height };
}
