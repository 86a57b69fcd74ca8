// Untrusted text and pictures as elements. Text only ever becomes a text node.

// What a reader could not see or would be misled by: controls, marks that turn the direction of
// text, halves of surrogate pairs. The joiners (200C, 200D) are part of words and emoji.
const UNSEEN = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Cn}]/gu;

function visible(text) {
  return text.replace(UNSEEN, (char) => {
    const code = char.codePointAt(0).toString(16);
    return code.length > 2 ? `\\u${code.padStart(4, "0")}` : `\\x${code.padStart(2, "0")}`;
  });
}

function make(name, className, ...children) {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

// A bdi keeps text that runs from right to left from reordering what stands beside it.
const untrusted = (text, className) => make("bdi", className, visible(text));

const scoreText = (score) => (score === null ? "" : score.toFixed(score > 0.9999 && score < 1 ? 6 : 4));
const roughly = (score) => (score === null ? "" : (Math.floor(score * 100) / 100).toFixed(2)); // 0.996 is not 1
const keyText = (key) => (key ? visible(key) : words.noKey);
const reasonText = (code) => (Object.hasOwn(words.absent, code) ? words.absent[code] : visible(code));

// What stands for a card's answer: its best label, or why it has none.
function answerText(card) {
  if (card.reason) return reasonText(card.reason);
  return card.label === null ? words.kind[card.kind] : visible(card.label);
}

// The thumbnail, or why there is none.
function picture(details, blurred) {
  const { webp, code, message, small } = details.thumbnail;
  if (!webp) {
    const why = make("span", "why", code ? reasonText(code) : "");
    if (message) why.title = visible(message);
    return make("span", "picture absent", why);
  }
  const image = make("img");
  image.alt = "";
  image.decoding = "async";
  image.src = `data:image/webp;base64,${webp}`;
  return make("span", `picture${small ? " small" : ""}${blurred ? " blurred" : ""}`, image);
}

// A bar as long as the score; its place is kept where there is none.
function meter(score) {
  const bar = make("span", "fill");
  bar.style.width = `${100 * Math.min(1, Math.max(0, score ?? 0))}%`;
  return make("span", score === null ? "meter no-score" : "meter", bar);
}
