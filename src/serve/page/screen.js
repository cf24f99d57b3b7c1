// The picture of the source in full. A recent frame stays on a canvas below, so that a stream that breaks or is let go
// of does not blank the screen.

import { $ } from "./dom.js";

const video = $("video");
const still = $("still");

export function freeze() {
  const { hidden, naturalWidth: width, naturalHeight: height } = video;
  if (hidden || !width) return;
  Object.assign(still, { width, height }).getContext("2d").drawImage(video, 0, 0);
}

// The last frame, without what comes.
export function release() {
  freeze();
  still.dataset.frame = video.dataset.frame;
  video.hidden = true;
  video.removeAttribute("src");
  return still;
}

// Another source: begins with what a canvas shows of it.
export function begin(canvas) {
  release();
  video.dataset.frame = canvas.dataset.frame;
  Object.assign(still, { width: canvas.width, height: canvas.height }).getContext("2d").drawImage(canvas, 0, 0);
  fit(canvas.width, canvas.height);
}

export async function showPicture({ frame, jpeg }) {
  const url = URL.createObjectURL(jpeg);
  video.src = url;
  await video.decode().catch(() => null);
  URL.revokeObjectURL(url);
  video.dataset.frame = frame;
}

function fit(width, height) {
  $("screen").style.aspectRatio = `${width} / ${height}`;
}

video.addEventListener("load", () => {
  video.hidden = false;
  fit(video.naturalWidth, video.naturalHeight);
  freeze();
});
