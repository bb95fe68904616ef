// Writes the types of the AsyncAPI document: `node modelina.mjs asyncapi.json FOLDER`.
import { readFileSync } from "node:fs";
import { TypeScriptFileGenerator } from "@asyncapi/modelina";

const [document, folder] = process.argv.slice(2);
const generator = new TypeScriptFileGenerator({ modelType: "interface", rawPropertyNames: true });
const options = { exportType: "named" };
const made = await generator.generateToFiles(JSON.parse(readFileSync(document, "utf8")), folder, options, true);
console.log(made.map((model) => model.modelName).join(" "));
