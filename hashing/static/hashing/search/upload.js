"use strict";

// Submits an image as soon as it is chosen, dropped or pasted, and shows a small copy of it beside the results. The copy
// stays in the session storage of this tab. On the way from the upload to the results, its name is the fragment of the
// address, which browsers keep in a redirect and do not send.
(() => {
  const PREFIX = "hashing-upload-";
  const MAX_SIDE = 480;
  const TIMEOUT_MS = 3000;

  const form = document.querySelector(".hashing-upload");
  const container = document.querySelector("[data-hashing-uploaded]");
  if (form) enhance(form, form.elements.image);
  if (container) showCopy(container, PREFIX + container.dataset.hashingUploaded);

  function enhance(form, input) {
    form.querySelectorAll("[data-hashing-scripted]").forEach((element) => { element.hidden = false; });
    input.addEventListener("change", () => { if (input.files.length) form.requestSubmit(); });
    document.addEventListener("paste", (event) => submitFiles(event, event.clipboardData));
    document.addEventListener("dragover", (event) => event.preventDefault());
    document.addEventListener("drop", (event) => submitFiles(event, event.dataTransfer));
    window.addEventListener("pageshow", () => form.removeAttribute("aria-busy"));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      form.setAttribute("aria-busy", "true");
      const name = await storeCopy(input.files[0]);
      form.action = form.action.split("#")[0] + (name && `#${name}`);
      form.submit();
    });

    function submitFiles(event, data) {
      if (!data?.files.length) return;
      event.preventDefault();
      input.files = data.files;
      form.requestSubmit();
    }
  }

  // Returns the name of the stored copy; an empty text if the browser cannot decode the file or store anything.
  async function storeCopy(file) {
    const name = `upload${Date.now()}`;
    try {
      sessionStorage.setItem(PREFIX + name, await Promise.race([shrink(file), timeout()]));
      return name;
    } catch {
      return "";
    }
  }

  function timeout() {
    return new Promise((_resolve, reject) => setTimeout(reject, TIMEOUT_MS));
  }

  async function shrink(file) {
    const bitmap = await createImageBitmap(file);
    const scale = Math.min(1, MAX_SIDE / Math.max(bitmap.width, bitmap.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.ceil(bitmap.width * scale);
    canvas.height = Math.ceil(bitmap.height * scale);
    const context = canvas.getContext("2d");
    context.fillStyle = "white";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    return canvas.toDataURL("image/jpeg", 0.85);
  }

  async function showCopy(container, key) {
    try {
      const uploaded = PREFIX + location.hash.slice(1);
      const copy = sessionStorage.getItem(uploaded);
      if (location.hash && copy) {
        sessionStorage.setItem(key, copy);
        sessionStorage.removeItem(uploaded);
        history.replaceState(null, "", location.pathname + location.search);
      }
      const stored = sessionStorage.getItem(key);
      if (!stored) return;
      await draw(stored, container.querySelector("canvas"));
      container.hidden = false;
    } catch {
      // Without session storage, there is no copy to show.
    }
  }

  // Not an <img>: a strict content security policy refuses the addresses data: and blob:.
  async function draw(dataUrl, canvas) {
    const bytes = Uint8Array.from(atob(dataUrl.split(",")[1]), (char) => char.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
  }
})();
