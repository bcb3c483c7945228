/* earshot beacon: tells how a stream of sound fares in this browser.
   <script src="http://HOST:3277/earshot-beacon.js" data-service="auralis" data-seconds="10"></script>
   then earshotBeacon.chunk(latencyMs), .error(), .underrun(); or .send({chunksReceived: 1, ...}) */
(() => {
  const me = document.currentScript, every = (+me.dataset.seconds || 10) * 1000
  const session = Array.from(crypto.getRandomValues(new Uint8Array(12)), b => b.toString(16).padStart(2, '0')).join('')
  const to = new URL('api/earshot/v1/beacon?service=' + encodeURIComponent(me.dataset.service) + '&session=' + session, me.src)
  const count = {chunksReceived: 0, chunkErrors: 0, bufferUnderruns: 0}
  let latencies = [], told = ''

  const stats = () => ({
    ...count,
    avgLatencyMs: latencies.length ? latencies.reduce((a, b) => a + b, 0) / latencies.length : null,
    errorRate: count.chunkErrors / Math.max(1, count.chunksReceived)
  })
  /* As plain text it needs no question beforehand; keepalive lets the last one out of a page that closes. */
  const send = (metrics = stats()) => {
    told = JSON.stringify(metrics)
    return fetch(to, {method: 'POST', mode: 'cors', credentials: 'omit', keepalive: true,
      body: '{"type":"client_metrics","metrics":' + told + '}'}).catch(() => {})
  }
  window.earshotBeacon = {
    chunk(ms) {
      count.chunksReceived++
      if (ms >= 0) latencies = [...latencies.slice(-99), ms]
    },
    error() { count.chunkErrors++ },
    underrun() { count.bufferUnderruns++ },
    stats, send
  }
  const active = () => { if (count.chunksReceived + count.chunkErrors + count.bufferUnderruns) send() }
  setInterval(active, every)
  addEventListener('pagehide', () => { if (JSON.stringify(stats()) !== told) active() })
})()
