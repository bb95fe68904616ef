// Draws the calls of the HTTP API from the document beside this page.

SwaggerUIBundle({
  dom_id: "#swagger",
  url: new URL("../schema/", document.currentScript.src).href,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  deepLinking: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null, // it would send the document to another host
});
