"use strict";

// A new search as soon as an option is changed. Without this, there is the button of the form.
(() => {
  const form = document.querySelector(".hashing-options");
  const slider = form.elements.distance;
  const PAUSE_MS = 300;
  let pause, running;

  slider.addEventListener("input", () => {
    form.querySelector("output").value = slider.value;
  });

  form.addEventListener("change", () => {
    clearTimeout(pause);
    pause = setTimeout(search, PAUSE_MS);
  });

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(pause);
    search();
  });

  // Only the results are replaced, so that the slider keeps the focus.
  async function search() {
    const address = `${location.pathname}?${new URLSearchParams(new FormData(form))}`;
    const shown = document.getElementById("hashing-results");
    running?.abort();
    running = new AbortController();
    shown.setAttribute("aria-busy", "true");
    try {
      const response = await fetch(address, { signal: running.signal, credentials: "same-origin" });
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const found = page.getElementById("hashing-results");
      if (!response.ok || !found) throw new Error("no page of results");
      shown.replaceChildren(...found.childNodes);
      shown.removeAttribute("aria-busy");
      history.replaceState(null, "", address);
    } catch (error) {
      // What went wrong (the session has ended, say) the browser shows by itself.
      if (error.name !== "AbortError") location.assign(address);
    }
  }
})();
