// Swagger's own dark colours are those of a class, not of what the visitor prefers.
const dark = matchMedia("(prefers-color-scheme: dark)");
function colour() {
  document.documentElement.classList.toggle("dark-mode", dark.matches);
}
dark.addEventListener("change", colour);
colour();

SwaggerUIBundle({ url: "/api/openapi.json", dom_id: "#api", validatorUrl: null });
