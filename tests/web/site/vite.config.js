import { isCustomElement } from "@roomcast/vue";
import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";

/** The same page with React 18, without the elements that it does not take as they are. */
const isOld = process.env.REACT === "18";
const old = { "react-dom": "react-dom-18", react: "react-18" };

export default defineConfig({
  mode: "development", // in which React's StrictMode takes effects back once
  define: { "process.env.NODE_ENV": '"development"' },
  plugins: [vue({ template: { compilerOptions: { isCustomElement } } })],
  resolve: { alias: isOld ? old : {} },
  build: { outDir: isOld ? "dist/18" : "dist", rollupOptions: { input: isOld ? "react-18.html" : "index.html" } },
  base: "./",
});
