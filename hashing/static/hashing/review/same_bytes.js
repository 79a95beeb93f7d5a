// The badge "same bytes": asked for pictures that can be seen, one after the other.

const review = document.querySelector(".review");
let queue = Promise.resolve();

const observer = new IntersectionObserver((entries) => {
  for (const entry of entries.filter((seen) => seen.isIntersecting)) {
    observer.unobserve(entry.target);
    queue = queue.then(() => askAbout(entry.target));
  }
});

function watch() {
  for (const card of review.querySelectorAll("[data-same-bytes]:not([data-asked])")) observer.observe(card);
}

async function askAbout(card) {
  if (!card.isConnected || "asked" in card.dataset) return;
  card.dataset.asked = "";
  try {
    const response = await fetch(card.dataset.sameBytes);
    const answer = await response.json();
    card.querySelector(".review-badge").hidden = answer.same !== true;
  } catch {
    // Without an answer there is no badge, and that is all.
  }
}

review.addEventListener("review:changed", watch);
watch();
