// The same chat as a Socket.IO server with PostgreSQL, as one writes it on Node.
import { createServer } from 'node:http'
import jwt from 'jsonwebtoken'
import pg from 'pg'
import { Server } from 'socket.io'

const { BENCH_SECRET, DATABASE_URL, PORT } = process.env
pg.types.setTypeParser(pg.types.builtins.INT8, Number)
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 20, min: 20 })
const http = createServer((request, response) => response.end())
const io = new Server(http, { transports: ['websocket'], serveClient: false })

const here = new Map() // room id → user id → how many sockets
const turns = new Map() // room id → the promise of its last message: they are told in order

// Prepared once a connection.
const run = async (name, text, values) => (await pool.query({ name, text, values })).rows

const join = (room, user) => run('join', `
  WITH newest AS (SELECT coalesce(max(id), 0) AS id FROM messages WHERE room_id = $1),
       read AS (UPDATE members SET delivered_upto = newest.id, read_upto = newest.id FROM newest
                 WHERE room_id = $1 AND user_id = $2 AND read_upto < newest.id)
  SELECT 1 FROM members WHERE room_id = $1 AND user_id = $2`, [room, user])

const history = (room) => run('history', `
  SELECT id, sender_id, text, created_at, updated_at, version,
         (SELECT min(read_upto) FROM members
           WHERE room_id = $1 AND user_id <> m.sender_id) >= id AS is_read
    FROM messages m WHERE room_id = $1 ORDER BY id DESC LIMIT 50`, [room])

const add = (room, user, text) => run('add', `
  WITH room AS (UPDATE rooms SET version = version + 1 WHERE id = $1 RETURNING version)
  INSERT INTO messages (room_id, sender_id, text, version) SELECT $1, $2, $3, version FROM room
  RETURNING id, sender_id, text, created_at, updated_at, version`, [room, user, text])

const mark = (room, users, id) => run('mark', `
  UPDATE members SET delivered_upto = $3, read_upto = $3
   WHERE room_id = $1 AND user_id = ANY($2::bigint[]) AND read_upto < $3`, [room, users, id])

const message = (room_id, row, status) => ({
  text: row.text,
  message_id: row.id,
  sender_id: row.sender_id,
  status,
  created_at: row.created_at,
  updated_at: row.updated_at,
  attachments: [],
  room_id,
  version: row.version,
})

async function say (room, user, text) {
  const [row] = await add(room, user, text)
  const sent = message(room, row, 'send')
  io.to(room).emit('chat_message', { version: row.version, message: sent })
  const readers = [...here.get(room).keys()].filter((one) => one !== user)
  if (readers.length) {
    await mark(room, readers, row.id)
    io.to(room).emit('mark_message_as_delivered', { message: { ...sent, status: 'delivered' } })
    io.to(room).emit('mark_message_as_read', { message: { ...sent, status: 'read' } })
  }
}

function inTurn (room, work) {
  const turn = (turns.get(room) ?? Promise.resolve()).then(work).catch(console.error)
  turns.set(room, turn)
}

function count (room, user, more) {
  if (!here.has(room)) here.set(room, new Map())
  const users = here.get(room)
  const sockets = (users.get(user) ?? 0) + more
  if (sockets) users.set(user, sockets)
  else users.delete(user)
}

io.use(async (socket, next) => {
  const { token, room } = socket.handshake.auth
  try {
    socket.data = { room, user: Number(jwt.verify(token, BENCH_SECRET).sub) }
    next((await join(room, socket.data.user)).length ? undefined : new Error('forbidden'))
  } catch (error) {
    next(error)
  }
})

io.on('connection', async (socket) => {
  const { room, user } = socket.data
  count(room, user, 1)
  socket.on('disconnect', () => count(room, user, -1))
  socket.on('send', ({ message }) => inTurn(room, () => say(room, user, message)))
  socket.join(room)
  const rows = await history(room)
  socket.emit('history', rows.reverse().map((row) => message(room, row, row.is_read ? 'read' : 'send')))
})

http.listen({ port: Number(PORT), host: '127.0.0.1', backlog: 2048 })
process.on('SIGTERM', () => process.exit())
