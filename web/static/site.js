// Parts of a page that follow what happens: <div data-live="/where/events">.
//
// Of the tabs that show the same thing, one has the stream and tells the others; a hidden tab has
// none. Browsers open six connections to a host, and every page needs one.
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30000;
const AFTER_PRESS_MS = 100;
const SENDING_MS = 3000;
const GLIDE = { duration: 400, easing: "ease-in-out" };

async function follow(region) {
  const url = region.dataset.live;
  // Tabs in another language get other news, and so do those of before a log-in or log-out.
  const session = document.querySelector("[name=form_token]")?.value;
  const name = `${document.documentElement.lang} ${session} ${url}`;
  const channel = new BroadcastChannel(name);
  let isOver = false;
  let pauseMs = FIRST_PAUSE_MS;

  function show({ html, isFinal }) {
    if (html !== undefined) update(region, html);
    if (!isFinal) return;
    isOver = true;
    if ("reloadAtEnd" in region.dataset) location.reload();
  }

  function tell(news) {
    pauseMs = FIRST_PAUSE_MS;
    channel.postMessage(news);
    show(news);
  }

  // Resolves at the end of the stream, whatever ends it.
  function stream() {
    if (isOver || document.hidden) return undefined;
    return new Promise((resolve) => {
      const events = new EventSource(url);
      function end() {
        events.close();
        document.removeEventListener("visibilitychange", end);
        resolve();
      }
      events.addEventListener("update", (event) => tell({ html: event.data }));
      events.addEventListener("end", () => {
        tell({ isFinal: true });
        end();
      });
      events.addEventListener("error", end);
      document.addEventListener("visibilitychange", end);
    });
  }

  channel.addEventListener("message", (event) => show(event.data));
  while (!isOver) {
    await visible();
    await streamAlone(name, stream);
    if (!isOver && !document.hidden) await pause(pauseMs * (0.5 + Math.random()));
    pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
  }
}

// Locks exist where pages come by HTTPS or from this machine. A page that is hidden does not wait for
// one: the browser may have kept it to go back to, and would give it the lock for nothing.
async function streamAlone(name, stream) {
  if (!navigator.locks) return stream();
  const waiting = new AbortController();
  const giveUp = () => waiting.abort();
  document.addEventListener("visibilitychange", giveUp);
  try {
    await navigator.locks.request(name, { signal: waiting.signal }, stream);
  } catch (error) {
    if (!waiting.signal.aborted) throw error;
  } finally {
    document.removeEventListener("visibilitychange", giveUp);
  }
}

const postponed = new WeakMap(); // updates, by their region

function update(region, html) {
  clearTimeout(postponed.get(region));
  // A click counts only where the button that was pressed is the one that is let go.
  if (region.matches(":active")) {
    postponed.set(region, setTimeout(update, AFTER_PRESS_MS, region, html));
    return;
  }
  const places = placesIn(region);
  const focused = region.querySelector("button:focus")?.getAttribute("formaction");
  region.innerHTML = html; // made by our own templates, which escape
  if (focused) region.querySelector(`[formaction="${CSS.escape(focused)}"]`)?.focus();
  glide(region, places);
  // What is read out is said once, not with each update.
  const news = region.querySelector("template[data-news]")?.content.textContent.trim();
  const status = document.querySelector("[role=status]");
  if (status && news && news !== status.textContent.trim()) status.textContent = news;
}

// What is elsewhere after an update glides there: <span data-glides="its name">.
function placesIn(region) {
  const things = [...region.querySelectorAll("[data-glides]")];
  return new Map(things.map((thing) => [thing.dataset.glides, thing.getBoundingClientRect()]));
}

function glide(region, places) {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  for (const [name, { x, y }] of placesIn(region)) {
    const before = places.get(name);
    if (!before || (before.x === x && before.y === y)) continue;
    const from = `translate(${before.x - x}px, ${before.y - y}px)`;
    const thing = region.querySelector(`[data-glides="${CSS.escape(name)}"]`);
    thing.animate([{ transform: from }, { transform: "none" }], GLIDE);
  }
}

function visible() {
  if (!document.hidden) return undefined;
  return new Promise((resolve) => {
    document.addEventListener("visibilitychange", resolve, { once: true });
  });
}

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

for (const region of document.querySelectorAll("[data-live]")) follow(region);

// A page that the browser has kept to go back to knows nothing of what was done since: its form was
// sent, which counts once, and somebody may have logged out. What was typed and not sent stays, and
// so does what answers a form, which would be sent again.
const answersForm = "answersForm" in document.documentElement.dataset;
let isTyped = false;
addEventListener("input", () => { isTyped = true; });
addEventListener("submit", () => { isTyped = false; });
addEventListener("pageshow", (event) => {
  if (event.persisted && !isTyped && !answersForm) location.reload();
});

// A second click sends no form once more: the answer that is shown would be that to the second one,
// for which a link is used up.
let sent = { button: null, at: -Infinity };
addEventListener("submit", (event) => {
  const now = { button: event.submitter, at: event.timeStamp };
  if (now.button === sent.button && now.at - sent.at < SENDING_MS) event.preventDefault();
  else sent = now;
});

// A time zone that nobody has chosen yet is the browser's, if the list has it.
for (const select of document.querySelectorAll("[data-browser-timezone]")) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if ([...select.options].some((option) => option.value === zone)) select.value = zone;
}
