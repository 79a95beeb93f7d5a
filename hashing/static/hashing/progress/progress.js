"use strict";

// Fetches the page every few seconds, and brings what is shown up to date. A hidden page waits until it is seen again.
(() => {
  const PAUSE_MS = 5000;
  const LONGEST_PAUSE_MS = 60000;
  // The rest of the time, the database has for others.
  const SHARE_OF_TIME = 0.1;

  const shown = document.getElementById("hashing-progress");
  const stale = document.querySelector(".progress-stale");
  let timer, running;
  let failures = 0;

  document.addEventListener("visibilitychange", () => (document.hidden ? rest() : refresh()));
  if (!document.hidden) wait(PAUSE_MS);

  function rest() {
    clearTimeout(timer);
    running?.abort();
  }

  function wait(pause) {
    clearTimeout(timer);
    timer = setTimeout(refresh, Math.min(pause, LONGEST_PAUSE_MS));
  }

  async function refresh() {
    rest();
    running = new AbortController();
    const { signal } = running;
    const started = performance.now();
    try {
      update(shown, await fetchPart(signal));
      failures = 0;
      stale.textContent = "";
      wait(Math.max(PAUSE_MS, (performance.now() - started) / SHARE_OF_TIME));
    } catch {
      if (signal.aborted) return;
      failures += 1;
      if (!stale.textContent) stale.textContent = stale.dataset.message;
      wait(PAUSE_MS * 2 ** failures);
    }
  }

  async function fetchPart(signal) {
    const response = await fetch(location.href, { signal, credentials: "same-origin", cache: "no-store" });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const part = page.getElementById(shown.id);
    // After the session has ended, the log-in comes in its place.
    if (!response.ok || !part) throw new Error("no page of progress");
    return part;
  }

  // Only what differs is changed: the focus, a selected text and the place on the page stay, and a screen reader hears
  // of nothing that is the same.
  function update(here, wanted) {
    if (here.isEqualNode(wanted)) return;
    if (here.nodeType !== Node.ELEMENT_NODE) {
      here.data = wanted.data;
      return;
    }
    updateAttributes(here, wanted);
    let place = here.firstChild;
    for (const child of wanted.childNodes) {
      const match = counterpart(place, child);
      while (match && place !== match) place = removed(place);
      if (match) update(match, child);
      else here.insertBefore(document.importNode(child, true), place);
      place = match ? match.nextSibling : place;
    }
    while (place) place = removed(place);
  }

  function updateAttributes(here, wanted) {
    for (const { name } of [...here.attributes]) if (!wanted.hasAttribute(name)) here.removeAttribute(name);
    for (const { name, value } of wanted.attributes) if (here.getAttribute(name) !== value) here.setAttribute(name, value);
  }

  // From `place` on: the element with the same id or, of what has none, the node at this very place.
  function counterpart(place, child) {
    if (!child.id) return place && !place.id && place.nodeName === child.nodeName ? place : null;
    while (place && place.id !== child.id) place = place.nextSibling;
    return place;
  }

  function removed(node) {
    const next = node.nextSibling;
    node.remove();
    return next;
  }
})();
