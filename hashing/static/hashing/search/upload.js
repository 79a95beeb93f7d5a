"use strict";

// Sends a picture as soon as it is chosen, dropped or pasted, and shows a small copy of it beside the results. The copy
// is kept by this tab of the browser alone. From the upload to the results its name travels behind the "#", which a
// browser carries over a redirect and sends to nobody.
(() => {
  const PREFIX = "hashing-picture-";
  const LONGEST_SIDE = 480;
  const PATIENCE_MS = 3000;

  const form = document.querySelector(".hashing-upload");
  const place = document.querySelector("[data-hashing-uploaded]");
  if (form) watchUpload(form, form.elements.picture);
  if (place) showCopy(place, PREFIX + place.dataset.hashingUploaded);

  function watchUpload(form, input) {
    form.querySelectorAll("[data-hashing-scripted]").forEach((element) => { element.hidden = false; });
    input.addEventListener("change", () => { if (input.files.length) form.requestSubmit(); });
    document.addEventListener("paste", (event) => take(event, event.clipboardData));
    document.addEventListener("dragover", (event) => event.preventDefault());
    document.addEventListener("drop", (event) => take(event, event.dataTransfer));
    window.addEventListener("pageshow", () => form.removeAttribute("aria-busy"));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      form.setAttribute("aria-busy", "true");
      const name = await keepCopy(input.files[0]);
      form.action = form.action.split("#")[0] + (name && `#${name}`);
      form.submit();
    });

    function take(event, data) {
      if (!data?.files.length) return;
      event.preventDefault();
      input.files = data.files;
      form.requestSubmit();
    }
  }

  // The name under which it is kept; empty when this browser cannot show the file, or keep anything.
  async function keepCopy(file) {
    const name = `upload${Date.now()}`;
    try {
      sessionStorage.setItem(PREFIX + name, await Promise.race([shrink(file), givenUp()]));
      return name;
    } catch {
      return "";
    }
  }

  function givenUp() {
    return new Promise((_resolve, reject) => setTimeout(reject, PATIENCE_MS));
  }

  async function shrink(file) {
    const whole = await createImageBitmap(file);
    const scale = Math.min(1, LONGEST_SIDE / Math.max(whole.width, whole.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.ceil(whole.width * scale);
    canvas.height = Math.ceil(whole.height * scale);
    const paper = canvas.getContext("2d");
    paper.fillStyle = "white";
    paper.fillRect(0, 0, canvas.width, canvas.height);
    paper.drawImage(whole, 0, 0, canvas.width, canvas.height);
    return canvas.toDataURL("image/jpeg", 0.85);
  }

  function showCopy(place, key) {
    const image = place.querySelector("img");
    image.addEventListener("load", () => { place.hidden = false; });
    try {
      const uploaded = PREFIX + location.hash.slice(1);
      const copy = sessionStorage.getItem(uploaded);
      if (location.hash && copy) {
        sessionStorage.setItem(key, copy);
        sessionStorage.removeItem(uploaded);
        history.replaceState(null, "", location.pathname + location.search);
      }
      const kept = sessionStorage.getItem(key);
      if (kept) image.src = kept;
    } catch {
      // A browser that keeps nothing shows nothing.
    }
  }
})();
