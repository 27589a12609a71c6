// What Supabase's own clients do with recordings, told as JSON. Arguments: the project's address, its key.
import { createClient } from '@supabase/supabase-js'
import * as tus from 'tus-js-client'

const [url, key] = process.argv.slice(2)
const bucket = 'recordings', path = 'default/conv_1.mp3', large = 'default/conv_2.mp3'
const told = {}
// Nothing here is listened to: older Nodes have no WebSocket, without which no client is made.
const realtime = { transport: class {} }
const storage = createClient(url, key, { auth: { persistSession: false, autoRefreshToken: false }, realtime }).storage

told.created = (await storage.createBucket(bucket, { public: false, allowedMimeTypes: ['audio/mpeg'] })).data
told.again = (await storage.createBucket(bucket, { public: false })).error?.statusCode
told.public = (await storage.getBucket(bucket)).data?.public
const files = storage.from(bucket)
told.refused = (await files.upload('default/x.html', 'x', { contentType: 'text/html' })).error?.statusCode
told.uploaded = (await files.upload(path, Buffer.from('sound'), { contentType: 'audio/mpeg' })).data?.path
told.duplicate = (await files.upload(path, Buffer.from('other'), { contentType: 'audio/mpeg' })).error?.statusCode
told.listed = (await files.list('default')).data?.map((one) => one.name)
told.downloaded = await (await files.download(path)).data?.text()
told.info = (await files.info(path)).data?.size
const signed = (await files.createSignedUrl(path, 60)).data?.signedUrl
told.signed = await (await fetch(signed)).text()
told.forged = (await fetch(signed + 'x')).status
told.absent = (await files.createSignedUrl('default/none.mp3', 60)).error?.statusCode

const sound = Buffer.alloc(13 * 1024 * 1024, 'sound')
const options = {
  endpoint: `${url}/storage/v1/upload/resumable`,
  headers: { apikey: key, authorization: `Bearer ${key}`, 'x-upsert': 'true' },
  metadata: { bucketName: bucket, objectName: large, contentType: 'audio/mpeg' },
  chunkSize: 6 * 1024 * 1024,
  uploadDataDuringCreation: true,
  retryDelays: null,
}
const place = await new Promise((resolve, reject) => {
  const upload = new tus.Upload(sound, {
    ...options,
    onError: reject,
    onChunkComplete: () => upload.abort().then(() => resolve(upload.url)),
  })
  upload.start()
})
told.unfinished = (await files.download(large)).error !== null
told.sent = []
await new Promise((resolve, reject) => {
  const onChunkComplete = (size, offset) => told.sent.push(offset)
  new tus.Upload(sound, { ...options, uploadUrl: place, onError: reject, onSuccess: resolve, onChunkComplete }).start()
})
told.whole = Buffer.from(await (await files.download(large)).data.arrayBuffer()).equals(sound)
told.removed = (await files.remove([path, large, 'default/none.mp3'])).data?.length
told.gone = (await files.list('default')).data?.length
console.log(JSON.stringify(told))
