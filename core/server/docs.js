"use strict";
// Draws the description of the API. What it shows is put in as text, never as markup.
const page = document.getElementById("page");

function element(name, text, parent, kind) {
  const made = document.createElement(name);
  if (text !== undefined && text !== null) made.textContent = text;
  if (kind) made.className = kind;
  if (parent) parent.append(made);
  return made;
}

function shown(schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  const several = schema.anyOf || schema.oneOf;
  if (several) return several.map(shown).join(" | ");
  if (schema.enum) return schema.enum.join(" | ");
  const type = Array.isArray(schema.type) ? schema.type.join(" | ") : schema.type || "anything";
  if (type === "array") return "list of " + shown(schema.items);
  return schema.format && schema.format !== "int64" ? type + " (" + schema.format + ")" : type;
}

function content(title, media, parent) {
  for (const [type, body] of Object.entries(media || {})) {
    element("p", title + ": " + shown(body.schema) + ", " + type, parent);
    const examples = body.examples
      ? Object.values(body.examples).map((one) => one.value)
      : body.example !== undefined ? [body.example] : [];
    for (const example of examples)
      element("pre", typeof example === "string" ? example : JSON.stringify(example, null, 2), parent);
  }
}

function operation(method, path, said) {
  const box = element("details");
  const head = element("summary", null, box);
  element("span", method.toUpperCase(), head, "method");
  element("code", path, head);
  element("span", said.summary || "", head, "what");
  element("p", said.description || "", box);
  if (said.parameters && said.parameters.length) {
    const table = element("table", null, box);
    for (const one of said.parameters) {
      const row = element("tr", null, table);
      element("code", one.name, element("td", null, row));
      element("td", one.in + (one.required ? ", must be given" : ""), row);
      element("td", shown(one.schema), row);
      element("td", one.description || "", row);
    }
  }
  if (said.requestBody) {
    if (said.requestBody.description) element("p", said.requestBody.description, box);
    content("Body", said.requestBody.content, box);
  }
  for (const [status, response] of Object.entries(said.responses || {})) {
    if (status < "300") content(status, response.content, box);
    else element("p", status + ": " + response.description, box);
  }
  return box;
}

function schema(name, said) {
  const box = element("details");
  element("code", name, element("summary", null, box));
  element("p", said.description || "", box);
  const table = element("table", null, box);
  for (const [key, one] of Object.entries(said.properties || {})) {
    const row = element("tr", null, table);
    element("code", key, element("td", null, row));
    element("td", shown(one), row);
  }
  return box;
}

function draw(api) {
  page.replaceChildren();
  element("h1", api.info.title + " REST", page);
  element("p", api.info.description, page);
  for (const tag of api.tags) {
    element("h2", tag.name, page);
    element("p", tag.description, page);
    for (const [path, methods] of Object.entries(api.paths))
      for (const [method, said] of Object.entries(methods))
        if ((said.tags || []).includes(tag.name)) page.append(operation(method, path, said));
  }
  element("h2", "data", page);
  for (const [name, said] of Object.entries(api.components.schemas)) page.append(schema(name, said));
}

fetch(page.dataset.source)
  .then((answer) => answer.ok ? answer.json() : Promise.reject(new Error("status " + answer.status)))
  .then(draw)
  .catch((error) => { page.textContent = "The description could not be loaded: " + error.message + ". Load the page again."; });
