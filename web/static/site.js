// Parts of a page that follow what happens: <div data-live="/where/events">.
for (const region of document.querySelectorAll("[data-live]")) {
  const events = new EventSource(region.dataset.live);
  events.addEventListener("update", (event) => {
    region.innerHTML = event.data; // made by our own templates, which escape
  });
  events.addEventListener("end", () => {
    events.close();
    if ("reloadAtEnd" in region.dataset) location.reload();
  });
}
