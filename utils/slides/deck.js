// Starts reveal.js, and makes what a slide holds small enough to fit, within reason.
"use strict";

const SMALLEST = 0.6;

function fit(slide) {
  const content = slide && slide.querySelector(":scope > .fit");
  if (!content || content.dataset.fitted) return;
  const room = slide.clientHeight - content.offsetTop - 24;
  let zoom = 1;
  while (content.getBoundingClientRect().height / Reveal.getScale() > room && zoom > SMALLEST) {
    zoom -= 0.05;
    content.style.zoom = zoom;
  }
  if (content.getBoundingClientRect().height / Reveal.getScale() > room) {
    content.classList.add("long");
    content.style.maxHeight = `${room / zoom}px`;
  }
  content.dataset.fitted = zoom.toFixed(2);
}

Reveal.initialize({
  width: 1280,
  height: 720,
  margin: 0.02,
  center: false,
  hash: true,
  slideNumber: "h.v",
  transition: "none",
  plugins: [RevealNotes],
});
Reveal.on("ready", (event) => fit(event.currentSlide));
Reveal.on("slidechanged", (event) => fit(event.currentSlide));
Reveal.on("pdf-ready", () => document.querySelectorAll("section section").forEach(fit));
