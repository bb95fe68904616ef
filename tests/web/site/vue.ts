import { roomcast } from "@roomcast/vue";
import { createApp } from "vue";
import { getToken, server } from "./login";
import Site from "./Site.vue";

createApp(Site).use(roomcast, { server, getToken }).mount("#vue");
void import("./bare"); // later, so that only the plugin has made the elements known before
