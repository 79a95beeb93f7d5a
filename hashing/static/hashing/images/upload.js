// Keeps the file that was chosen for the page that asks what to do with it. Browsers empty the field; the file is in a
// cache of this browser until then, and the name of the cache in the session storage of this tab.

const PREFIX = "hashing-upload-";
const STORED_NAME = "hashing:upload";
const MAX_AGE_MS = 3600000;
const TIMEOUT_MS = 3000;
const ADDRESS = "/hashing-upload";

const input = document.querySelector("#content form input[type=file][name=image]");
const choice = document.querySelector(".hashing-upload-choice");
let isStored = false;

drawPreview(document.querySelector(".hashing-upload-choice canvas"));
// Browsers have caches only in a secure context.
if ("caches" in window) {
  restore();
  input?.form.addEventListener("submit", keep);
  window.addEventListener("pageshow", () => { isStored = false; });
}

async function keep(event) {
  if (isStored || !input.files.length) return;
  event.preventDefault();
  if (input.form.ariaBusy === "true") return;
  input.form.ariaBusy = "true";
  try {
    await Promise.race([store(input.files[0]), timeout()]);
  } catch {
    // Without a cache, the file is chosen again.
  }
  input.form.ariaBusy = "false";
  isStored = true;
  input.form.requestSubmit(event.submitter);
}

async function store(file) {
  const name = `${PREFIX}${Date.now()}`;
  const cache = await caches.open(name);
  const headers = { "X-File-Name": encodeURIComponent(file.name), "Content-Type": file.type };
  await cache.put(ADDRESS, new Response(file, { headers }));
  sessionStorage.setItem(STORED_NAME, name);
}

function timeout() {
  return new Promise((_resolve, reject) => setTimeout(reject, TIMEOUT_MS));
}

async function restore() {
  const name = sessionStorage.getItem(STORED_NAME);
  sessionStorage.removeItem(STORED_NAME);
  try {
    if (name && choice && input && !input.files.length) await choose(name);
  } finally {
    for (const each of await caches.keys()) if (each === name || isOutdated(each)) caches.delete(each);
  }
}

async function choose(name) {
  const stored = await (await caches.open(name)).match(ADDRESS);
  if (!stored) return;
  const file = new File([await stored.blob()], decodeURIComponent(stored.headers.get("X-File-Name")), {
    type: stored.headers.get("Content-Type"),
  });
  const transfer = new DataTransfer();
  transfer.items.add(file);
  input.files = transfer.files;
  document.querySelector(".hashing-choose-again")?.remove();
}

// Whether a cache is old enough to be that of a tab that was closed.
function isOutdated(name) {
  return name.startsWith(PREFIX) && Date.now() - Number(name.slice(PREFIX.length)) > MAX_AGE_MS;
}

// Not an <img>: a strict content security policy refuses the address data:.
async function drawPreview(canvas) {
  if (!canvas) return;
  const bytes = Uint8Array.from(atob(canvas.dataset.preview), (char) => char.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes], { type: canvas.dataset.type }));
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  canvas.hidden = false;
}
