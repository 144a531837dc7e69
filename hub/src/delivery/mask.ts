/**
 * Masking: what was said by others is shown without the secrets that they were told. Every spelling in which a receiver is likely to give one
 * back counts: as it is, in JSON, percent-encoded, as a form, in HTML; of a PEM each line.
 */

/** `text` with every secret replaced by `***`. */
export type Mask = (text: string) => string

/** A cut text may end within a secret; shorter beginnings than this say too little to hide. */
const shortestBeginning = 6

export function masking(secrets: readonly string[]): Mask {
  // longest first, so that a secret within another does not leave the rest of it readable
  const hidden = [...new Set(secrets.flatMap(spellings))].filter((text) => text !== '').sort((a, b) => b.length - a.length)
  return (text) =>
    withoutCutSecret(
      hidden.reduce((masked, secret) => masked.replaceAll(secret, '***'), text),
      hidden,
    )
}

function spellings(secret: string): readonly string[] {
  const lines = secret.includes('\n') ? secret.split(/\r?\n/).filter(isTelling) : []
  return [secret, ...lines].flatMap((text) => {
    const json = JSON.stringify(text).slice(1, -1)
    const jsons = [json, json.replaceAll('/', '\\/')].flatMap((one) => [one, ascii(one)])
    const form = new URLSearchParams([['', text]]).toString().slice(1)
    const encoded = [encodeURIComponent(text.toWellFormed()), encodeURI(text.toWellFormed()), inPath(text), form]
    return [text, ...jsons, ...encoded, ...encoded.map(lowerHex), ...html(text)]
  })
}

/** As a part of the path of a URL that was read. */
function inPath(text: string): string {
  const url = new URL('http://host')
  url.pathname = `/${text}`
  return url.pathname.slice(1)
}

/** A line of a PEM that is no frame. */
const isTelling = (line: string): boolean => line.length >= 16 && !line.startsWith('-----')

const ascii = (json: string): string =>
  json.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)

const lowerHex = (text: string): string => text.replace(/%[0-9A-F]{2}/g, (hex) => hex.toLowerCase())

/** With quotes by name and by number, as libraries differ. */
function html(text: string): readonly string[] {
  const base = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  return [
    base,
    base.replaceAll('"', '&quot;').replaceAll("'", '&#39;'),
    base.replaceAll('"', '&#34;').replaceAll("'", '&#39;'),
    base.replaceAll('"', '&quot;').replaceAll("'", '&#x27;'),
  ]
}

function withoutCutSecret(text: string, hidden: readonly string[]): string {
  const whole = text.replace(/\ufffd+$/, '') // what a cut makes of a character
  let cut = 0
  for (const secret of hidden)
    for (let length = Math.min(secret.length - 1, whole.length); length >= shortestBeginning && length > cut; length--)
      if (whole.endsWith(secret.slice(0, length))) cut = length
  return cut === 0 ? text : `${whole.slice(0, -cut)}***`
}
