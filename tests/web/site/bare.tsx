import "@roomcast/react";
import "@roomcast/ui";
import { createRoot } from "react-dom/client";
import { getToken, server } from "./login";

createRoot(document.getElementById("bare")!).render(
  <roomcast-launcher server={server} getToken={getToken} context-prefix="listing:" onroomcast-open={() => (document.body.id = "opened")} />,
);
