// A client whose types openapi-typescript has generated: opens a room and sends a message.
import createClient from "openapi-fetch";
import type { paths } from "./openapi_typescript/schema";

const [base, token] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl: base, headers: { Authorization: `Bearer ${token}` } });

const opened = await client.POST("/chat/create/", { body: { second_user: 2 } });
if (!opened.data) throw new Error(JSON.stringify(opened.error));
const path = { room_id: opened.data.room_id };
const body = { message: "by openapi-typescript" };
const sent = await client.POST("/chat/rooms/{room_id}/messages/", { params: { path }, body });
if (!sent.data) throw new Error(JSON.stringify(sent.error));
const page = await client.GET("/chat/rooms/{room_id}/messages/", { params: { path } });
const texts: string[] = page.data?.messages.map((message) => message.text) ?? [];
console.log(texts.at(-1));
