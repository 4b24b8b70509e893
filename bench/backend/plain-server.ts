/** `node plain-server.ts <port> <content.json>`: answers every path from memory. */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { Content } from './backend.ts'

const [port, contentFile] = process.argv.slice(2)
const content = JSON.parse(readFileSync(contentFile as string, 'utf8')) as Content
const small = Buffer.from(content.smallBody)
const bodies = new Map([
  [content.largePath, readFileSync(content.largeFile)],
  [content.hugePath, readFileSync(content.hugeFile)],
])

const server = createServer((request, response) => {
  request.resume()
  const body = bodies.get(request.url ?? '') ?? small
  response.writeHead(200, { 'content-type': 'text/plain', 'content-length': body.length }).end(body)
})
server.keepAliveTimeout = 3_600_000
server.listen(Number(port), '127.0.0.1')
