// What the page says, in English and in Chinese. {0} is filled in.

const english = {
  local: "local cloud", queued: "Queued", running: "Running", done: "Done", failed: "Failed",
  retried: "Will retry", rate: "Per second", upload: "Upload", target: "Pictures for",
  drop: "Drop pictures or folders here", pick: "Choose files", folder: "Folder",
  samples: "Try samples", instances: "Instances", letters: "Dead letters", results: "Results",
  events: "Events", state: "State", object: "Object", function: "Function", tries: "Tries",
  ms: "ms", time: "Time", log: "Log", onlyErrors: "Errors only", letGo: "Let go to upload",
  noInstances: "None is running. The first event starts one: a cold start.",
  noLetters: "None. What fails after its last retry is filed here.",
  noResults: "Nothing yet. Drop a picture anywhere on this page, choose one, or upload one with any "
    + "OSS client: its result appears here.",
  noEvents: "Nothing yet. Each upload below an input prefix is an event.",
  noLog: "Functions have printed nothing yet.",
  cold: "cold", warm: "warm", busy: "busy", served: "{0} served", coldStart: "cold start {0} ms",
  live: "Live", wait: "Connecting", lost: "Disconnected: is fanlight up still running?",
  full: "Too many pages are open here: close one",
  rejected: "rejected", embedding: "{0} numbers", noPicture: "no preview",
  replay: "Replay", replaying: "Replaying", doneSince: "Done since", again: "Failed again",
  suspected: "suspected", attempts: "{0} tries", noObject: "an event that names no object",
  timer: "timer {0}",
  letterOf: "dead letter: ", more: " and {0} more", age: "{0} old",
  uploadingOf: "Uploading {0} of {1}", uploaded: "{0} uploaded", notUploaded: "{0}: {1}",
  refused: "refused with status {0}", tooLarge: "larger than {0} MB", unheard: "no trigger listens for {0}",
  unreachable: "fanlight up does not answer", newResults: "new results: {0}", newLetters: "new dead letters: {0}",
};

const chinese = {
  local: "本地云", queued: "排队中", running: "运行中", done: "已完成", failed: "失败",
  retried: "待重试", rate: "每秒完成", upload: "上传", target: "上传到",
  drop: "把图片或文件夹拖到这里", pick: "选择文件", folder: "文件夹",
  samples: "试用示例图片", instances: "实例", letters: "死信", results: "结果",
  events: "事件", state: "状态", object: "对象", function: "函数", tries: "尝试次数",
  ms: "毫秒", time: "时间", log: "日志", onlyErrors: "仅显示错误", letGo: "松开即上传",
  noInstances: "没有正在运行的实例。第一个事件会启动一个：冷启动。",
  noLetters: "没有死信。最后一次重试仍失败的事件会归档到这里。",
  noResults: "还没有结果。把图片拖到本页任意位置、选择文件，或用任意 OSS 客户端上传，结果会出现在这里。",
  noEvents: "还没有事件。每次上传到输入前缀都会产生一个事件。",
  noLog: "函数还没有输出。",
  cold: "冷启动", warm: "空闲", busy: "忙碌", served: "已处理 {0} 次", coldStart: "冷启动 {0} 毫秒",
  live: "已连接", wait: "正在连接", lost: "连接已断开：fanlight up 还在运行吗？",
  full: "打开的页面太多：请关闭一个",
  rejected: "已拒绝", embedding: "{0} 维向量", noPicture: "无预览",
  replay: "重放", replaying: "重放中", doneSince: "此后已解决", again: "再次失败",
  suspected: "疑似相关", attempts: "尝试 {0} 次", noObject: "没有指明对象的事件",
  timer: "定时触发器 {0}",
  letterOf: "死信：", more: "，另有 {0} 个", age: "已运行 {0}",
  uploadingOf: "正在上传 {0} / {1}", uploaded: "已上传 {0} 个", notUploaded: "{0}：{1}",
  refused: "被拒绝，状态码 {0}", tooLarge: "大于 {0} MB", unheard: "没有触发器监听 {0}",
  unreachable: "fanlight up 没有响应", newResults: "{0} 份新结果", newLetters: "{0} 封新死信",
};

const chineseReasons = {
  not_an_image: "不是图片", unsupported_format: "格式不支持", corrupt: "已损坏",
  too_many_bytes: "字节过多", too_many_pixels: "像素过多", empty: "空文件",
  nothing_found: "未发现内容",
};

export const isChinese = navigator.language.toLowerCase().startsWith("zh");
const words = isChinese ? chinese : english;

// Why a picture was rejected. A result may hold anything, and what is unknown is shown as it is.
export function reason(code) {
  const known = isChinese && Object.hasOwn(chineseReasons, code);
  return known ? chineseReasons[code] : code.replaceAll("_", " ");
}

export function word(name, ...filled) {
  return words[name].replace(/\{(\d)\}/g, (_, n) => String(filled[n]));
}

// What a reader could not see or would be misled by, escaped: controls but line ends, marks that
// turn the direction of text. The joiners (200C, 200D) are part of words and emoji.
const UNSEEN = /(?![\n\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

export function visible(text) {
  return text.replace(UNSEEN, (char) => `\\u{${char.codePointAt(0).toString(16)}}`);
}
