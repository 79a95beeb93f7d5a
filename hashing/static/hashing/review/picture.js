// One image in a view: its preview at once, and over it the original when that has arrived and is decoded.

// By the number of an orientation, the transformation that turns the image upright.
const TO_UPRIGHT = {
  1: "",
  2: "scaleX(-1)",
  3: "rotate(180deg)",
  4: "scaleY(-1)",
  5: "matrix(0, 1, 1, 0, 0, 0)",
  6: "rotate(-90deg)",
  7: "matrix(0, -1, -1, 0, 0, 0)",
  8: "rotate(90deg)",
};
const SMALL_SIDE = 640;
const LARGE_SIDE = 1280;
const UNKNOWN_SIZE = { width: 4000, height: 3000 };
const ROUNDING = 2;

// `changed` is called when something else is shown, or is known.
export function createPicture(view, changed) {
  const figure = view.querySelector("figure");
  return { view, figure, preview: figure.querySelector("img"), original: null, card: null, isInside: false, state: "", note: "", changed };
}

export function showCard(picture, card) {
  const isSame = picture.card?.dataset.original === card.dataset.original && picture.state !== "failed";
  picture.card = card;
  if (isSame) return;
  removeOriginal(picture);
  setState(picture, "preview");
  showPreviews(picture, card);
  loadOriginal(picture, card.dataset.original);
}

export function clearPicture(picture) {
  removeOriginal(picture);
  picture.preview.removeAttribute("src");
  picture.card = null;
}

// What of an image is compared, from 0 to 1: all of it, or what is inside its frame.
export function comparedPart({ card, isInside }) {
  if (!isInside || !card.dataset.inside) return { left: 0, top: 0, width: 1, height: 1 };
  const [left, top, right, bottom] = card.dataset.inside.split(" ").map((edge) => edge / 1000);
  return { left, top, width: right - left, height: bottom - top };
}

// The pixels of the part that is compared, upright.
export function comparedSize(picture) {
  const [size, part] = [uprightSize(picture), comparedPart(picture)];
  return { width: size.width * part.width, height: size.height * part.height };
}

// The pixels of the upright image.
function uprightSize(picture) {
  const { width, height } = storedSize(picture);
  return isTransposed(picture.card) ? { width: height, height: width } : { width, height };
}

export function turnUpright(picture) {
  // Around its middle, which may be half a pixel that a layout would round.
  const transform = `translate(50cqw, 50cqh) ${TO_UPRIGHT[picture.card.dataset.orientation] ?? ""} translate(-50%, -50%)`;
  for (const image of picture.figure.querySelectorAll("img")) {
    image.style.transform = transform;
    image.classList.toggle("hashing-compare__image--transposed", isTransposed(picture.card));
  }
}

function storedSize({ card, original }) {
  const [width, height] = [Number(card.dataset.width), Number(card.dataset.height)];
  if (width && height) return { width, height };
  return original ? { width: original.naturalWidth, height: original.naturalHeight } : UNKNOWN_SIZE;
}

function isTransposed(card) {
  return Number(card.dataset.orientation) > 4;
}

function setState(picture, state, note = "") {
  picture.state = state;
  picture.note = note;
  picture.view.dataset.state = state;
  picture.view.toggleAttribute("data-is-opaque", "isOpaque" in picture.card.dataset);
  picture.changed();
}

function removeOriginal(picture) {
  // Removing the address ends loading.
  picture.original?.removeAttribute("src");
  picture.original?.remove();
  picture.original = null;
}

// The preview on the card is loaded already, the large one replaces it.
async function showPreviews(picture, card) {
  picture.preview.removeAttribute("src");
  const small = await loadImage(card.querySelector(".hashing-preview")?.src);
  showPreview(picture, card, small, SMALL_SIDE);
  const large = await loadImage(card.dataset.fullPreview);
  showPreview(picture, card, large, LARGE_SIDE);
}

async function loadImage(url) {
  if (!url) return null;
  const image = new Image();
  image.src = url;
  if (image.complete && image.naturalWidth) return image;
  try {
    await image.decode();
    return image;
  } catch {
    return null;
  }
}

function showPreview(picture, card, image, side) {
  const isCurrent = picture.card?.dataset.original === card.dataset.original && picture.state === "preview";
  if (isCurrent && image && isPreviewOf(image, card, side)) picture.preview.src = image.src;
}

// A placeholder has another size than the preview of this image would have.
function isPreviewOf(image, card, side) {
  const longest = Math.max(Number(card.dataset.width), Number(card.dataset.height));
  return Math.abs(Math.max(image.naturalWidth, image.naturalHeight) - Math.min(side, longest)) <= ROUNDING;
}

async function loadOriginal(picture, url, isRendering = false) {
  const image = new Image();
  picture.original = image;
  image.alt = picture.card.dataset.name;
  image.className = "hashing-compare__original";
  image.decoding = "async";
  image.src = url;
  await arrival(image);
  if (picture.original !== image) return;
  if (!image.naturalWidth) return explainFailure(picture, url, isRendering);
  // A browser draws what it has decoded so far, over the preview. Below an image that may be transparent there is none.
  if ("isOpaque" in picture.card.dataset) picture.figure.append(image);
  turnUpright(picture);
  // Some browsers refuse to decode in advance what they show.
  await image.decode().catch(() => null);
  if (picture.original !== image) return;
  picture.figure.append(image);
  setState(picture, "original", describeRendering(picture, image, isRendering));
}

function arrival(image) {
  return new Promise((resolve) => {
    image.addEventListener("load", resolve);
    image.addEventListener("error", resolve);
  });
}

// What is shown in place of the file itself; empty if it is the file.
function describeRendering(picture, image, isRendering) {
  const text = renderingText(picture, image, isRendering);
  return text && "isTransparent" in picture.card.dataset ? `${text} ${texts(picture).textOnWhite}` : text;
}

function renderingText(picture, image, isRendering) {
  const { card } = picture;
  const longest = Math.max(Number(card.dataset.width), Number(card.dataset.height));
  const percent = Math.round((100 * Math.max(image.naturalWidth, image.naturalHeight)) / longest);
  if (percent < 100) return texts(picture).textReduced.replace("{percent}", percent);
  return isRendering || "isConverted" in card.dataset ? texts(picture).textConverted : "";
}

async function explainFailure(picture, url, isRendering) {
  const { original } = picture;
  const response = await fetch(url).catch(() => null);
  // The text of a refusal; otherwise the browser could not decode what it got.
  const isText = response?.headers.get("Content-Type")?.startsWith("text/plain");
  const reason = isText ? await response.text() : texts(picture).textNotLoaded;
  await response?.body?.cancel().catch(() => null);
  if (picture.original !== original) return;
  picture.original = null;
  if (response?.ok && !isRendering) return loadOriginal(picture, `${url}&rendering=1`, true);
  if (response?.status === 404) picture.preview.removeAttribute("src");
  setState(picture, "failed", reason);
}

function texts(picture) {
  return picture.view.closest("dialog").dataset;
}
