"use strict";

// Searches again as soon as an option changes. Without scripts, the button of the form does it.
(() => {
  const form = document.querySelector(".hashing-search__options");
  const slider = form.elements.distance;
  const DELAY_MS = 300;
  let timer, request;

  slider.addEventListener("input", () => {
    form.querySelector("output").value = slider.value;
  });

  form.addEventListener("change", () => {
    clearTimeout(timer);
    timer = setTimeout(search, DELAY_MS);
  });

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(timer);
    search();
  });

  // Replaces only the results, so that the slider keeps the focus.
  async function search() {
    const address = `${location.pathname}?${new URLSearchParams(new FormData(form))}`;
    const results = document.getElementById("hashing-results");
    request?.abort();
    request = new AbortController();
    results.setAttribute("aria-busy", "true");
    try {
      const response = await fetch(address, { signal: request.signal, credentials: "same-origin" });
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const newResults = page.getElementById("hashing-results");
      if (!response.ok || !newResults) throw new Error("no page of results");
      results.replaceChildren(...newResults.childNodes);
      results.removeAttribute("aria-busy");
      history.replaceState(null, "", address);
    } catch (error) {
      // Let the browser show the error, such as the log-in page after the session has ended.
      if (error.name !== "AbortError") location.assign(address);
    }
  }
})();
