// Keeps parts of a page up to date, and what forms and keys need. Without it every page works, too.
"use strict";

const linkState = document.getElementById("link-state");
const liveParts = () => document.querySelectorAll("[data-live]");
let stream = null;
let following = null;
let isLoading = false;

// Look at the page again and put in what has changed. The server reads Redis once for all of us.
async function refresh() {
  if (isLoading || document.body.matches(":has([data-live] :focus-within)")) return;
  isLoading = true;
  try {
    const address = new URL(location.href);
    for (const name of ["did", "count"]) address.searchParams.delete(name);
    address.searchParams.set("live", "1");
    const answer = await fetch(address, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of liveParts()) {
      const replacement = fresh.getElementById(part.id);
      if (replacement && replacement.outerHTML !== part.outerHTML) part.replaceWith(replacement);
    }
  } catch {
    // The stream notices, too, and says so.
  } finally {
    isLoading = false;
  }
}

// One stream for all pages of this browser that are seen, and none while none is: whoever holds the
// lock has the stream, and tells the others. Without locks (plain http to another machine) each page
// has its own.
const address = document.body.dataset.events;
const others = new BroadcastChannel(address);
others.addEventListener("message", () => { if (following) hear(); });

function hear() {
  linkState.hidden = true;
  refresh();
}

function listen() {
  stream = new EventSource(address);
  stream.addEventListener("news", () => { others.postMessage("news"); hear(); });
  stream.addEventListener("error", () => {
    linkState.hidden = false;
    if (stream?.readyState !== EventSource.CLOSED) return;
    stop(); // a refusal is final for it, but not for us
    setTimeout(follow, 5000);
  });
}

function stop() {
  stream?.close();
  stream = null;
  following?.abort();
  following = null;
}

function follow() {
  if (document.hidden || !liveParts().length) return stop();
  if (following) return;
  const mine = following = new AbortController();
  if (!navigator.locks) return listen();
  const untilStopped = () => new Promise((resolve) => {
    if (mine.signal.aborted) return resolve();
    mine.signal.addEventListener("abort", resolve);
    listen();
  });
  navigator.locks.request(address, { signal: mine.signal }, untilStopped).catch(() => {});
}

document.addEventListener("visibilitychange", follow);
follow();

document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.confirm ?? event.target.dataset.confirm;
  if (question && !confirm(question)) event.preventDefault();
});

document.addEventListener("change", (event) => {
  const { target } = event;
  if (target.dataset.all) {
    for (const box of target.form.elements[target.dataset.all].length
      ? target.form.elements[target.dataset.all] : [target.form.elements[target.dataset.all]]) {
      box.checked = target.checked;
    }
  }
  if ("submit" in target.dataset) target.form.requestSubmit();
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches("input, select, textarea")) return;
  const field = document.querySelector(`[data-focus="${CSS.escape(event.key)}"]`);
  if (!field) return;
  event.preventDefault();
  field.focus();
  field.select();
});
