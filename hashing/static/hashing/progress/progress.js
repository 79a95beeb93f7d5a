"use strict";

// Refreshes the page every few seconds while it is visible.
(() => {
  const INTERVAL_MS = 5000;
  const MAX_INTERVAL_MS = 60000;
  // Leave the database idle at least 90% of the time.
  const MAX_LOAD = 0.1;

  const shown = document.getElementById("hashing-progress");
  const stale = document.querySelector(".hashing-progress__stale");
  let timer, request;
  let failures = 0;

  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : refresh()));
  if (!document.hidden) schedule(INTERVAL_MS);

  function stop() {
    clearTimeout(timer);
    request?.abort();
  }

  function schedule(delay) {
    clearTimeout(timer);
    timer = setTimeout(refresh, Math.min(delay, MAX_INTERVAL_MS));
  }

  async function refresh() {
    stop();
    request = new AbortController();
    const { signal } = request;
    const started = performance.now();
    try {
      update(shown, await fetchProgress(signal));
      failures = 0;
      stale.textContent = "";
      schedule(Math.max(INTERVAL_MS, (performance.now() - started) / MAX_LOAD));
    } catch {
      if (signal.aborted) return;
      failures += 1;
      if (!stale.textContent) stale.textContent = stale.dataset.message;
      schedule(INTERVAL_MS * 2 ** failures);
    }
  }

  async function fetchProgress(signal) {
    const response = await fetch(location.href, { signal, credentials: "same-origin", cache: "no-store" });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const progress = page.getElementById(shown.id);
    // Once the session has ended, the response is the log-in page.
    if (!response.ok || !progress) throw new Error("no page of progress");
    return progress;
  }

  // Changes only what differs, to keep the focus, the selection and the scroll position, and to let screen readers
  // announce only what is new.
  function update(node, newNode) {
    if (node.isEqualNode(newNode)) return;
    if (node.nodeType !== Node.ELEMENT_NODE) {
      node.data = newNode.data;
      return;
    }
    updateAttributes(node, newNode);
    let next = node.firstChild;
    for (const newChild of newNode.childNodes) {
      const match = findMatch(next, newChild);
      while (match && next !== match) next = remove(next);
      if (match) update(match, newChild);
      else node.insertBefore(document.importNode(newChild, true), next);
      next = match ? match.nextSibling : next;
    }
    while (next) next = remove(next);
  }

  function updateAttributes(node, newNode) {
    for (const { name } of [...node.attributes]) if (!newNode.hasAttribute(name)) node.removeAttribute(name);
    for (const { name, value } of newNode.attributes) if (node.getAttribute(name) !== value) node.setAttribute(name, value);
  }

  // Returns the sibling, from `node` on, with the id of `newNode`; without an id, `node` itself if it is of the same kind.
  function findMatch(node, newNode) {
    if (!newNode.id) return node && !node.id && node.nodeName === newNode.nodeName ? node : null;
    while (node && node.id !== newNode.id) node = node.nextSibling;
    return node;
  }

  // Returns the next sibling.
  function remove(node) {
    const next = node.nextSibling;
    node.remove();
    return next;
  }
})();
