// Keeps parts of a page up to date, and what forms and keys need. Without it every page works, too.
"use strict";

const linkState = document.getElementById("link-state");
const liveParts = () => document.querySelectorAll("[data-live]");
let stream = null;
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

// One stream while the page is seen, none while it is not.
function follow() {
  if (document.hidden || !liveParts().length) {
    stream?.close();
    stream = null;
  } else if (!stream) {
    stream = new EventSource(document.body.dataset.events);
    stream.addEventListener("news", () => { linkState.hidden = true; refresh(); });
    stream.addEventListener("error", () => {
      linkState.hidden = false;
      if (stream.readyState !== EventSource.CLOSED) return;
      stream = null; // a refusal is final for it, but not for us
      setTimeout(follow, 5000);
    });
  }
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
