"use strict";
// The page's own words. What documents say is never translated.

const WORDS = {
  en: {
    skip: "Skip to the images", search: "Search keys", sort: "Order", byKey: "By key", byLeast: "Least sure first",
    byMost: "Most sure first", filters: "Filters", theme: "Light or dark", status: "Status",
    scores: "Scores", lowest: "Lowest", highest: "Highest", clear: "Clear filters",
    images: "Images", none: "No image fits these filters.", previous: "Previous image",
    next: "Next image", close: "Close", labels: "Labels", reasons: "Reasons",
    keys: "Arrow keys move, Enter opens, / searches, Esc closes.", loading: "Loading…",
    more: "{n} more", of: "{n} of {all} images", all: "{all} images",
    one: "1 image", bin: "{from} to {to}: {n}", reveal: "Blocked. Show the picture", label: "Label",
    predictions: "Predictions", reason: "Reason", place: "{n} of {all}", noKey: "(no key)",
    compared: "A and B disagree on {n} of the {both} images that both have a result for: another best label, decision or status.",
    alone: "Not compared: {here} with a result of A only, {there} of B only.",
    changed: "The object has changed since this result was made: it is not the picture that was classified.",
    between: "The object changed between the two results.",
    suspected: "The failure named no key: this image may be innocent.",
    settled: "Settled since: the image has its result, or is gone.",
    numbers: "{n} numbers",
    kind: {
      classified: "Classified", embedding: "Embedding", allow: "Allow", review: "Review",
      block: "Block", rejected: "Rejected", failed: "Failed",
    },
    absent: {
      no_images: "No thumbnails in this page", gone: "The object is gone",
      unread: "Cannot be shown", elsewhere: "Not among the images", no_key: "The event named no object",
      not_an_image: "Not an image", unsupported_format: "Format not supported", corrupt: "Corrupt",
      too_many_bytes: "Too many bytes", too_many_pixels: "Too many pixels", empty: "Empty",
      nothing_found: "Nothing found",
    },
    field: {
      key: "Key", picture: "Picture", model: "Model", bucket: "Bucket", version: "Version",
      digest: "Digest", recipe: "Recipe", attempts: "Attempts", request: "Request",
    },
  },
  zh: {
    skip: "跳到图片", search: "搜索对象键", sort: "排序", byKey: "按对象键", byLeast: "把握最低的在前",
    byMost: "把握最高的在前", filters: "筛选", theme: "浅色或深色", status: "状态",
    scores: "分数", lowest: "最低", highest: "最高", clear: "清除筛选",
    images: "图片", none: "没有符合条件的图片。", previous: "上一张",
    next: "下一张", close: "关闭", labels: "标签", reasons: "原因",
    keys: "方向键移动，回车打开，/ 搜索，Esc 关闭。", loading: "正在加载…",
    more: "另有 {n} 项", of: "{all} 张图片中的 {n} 张", all: "{all} 张图片",
    one: "1 张图片", bin: "{from} 至 {to}：{n}", reveal: "已拦截，点击显示图片", label: "标签",
    predictions: "预测", reason: "原因", place: "第 {n} 张，共 {all} 张", noKey: "（无对象键）",
    compared: "A 与 B 都有结果的 {both} 张图片中，有 {n} 张结论不同：最佳标签、审核结论或状态不一致。",
    alone: "未比较：{here} 张只有 A 的结果，{there} 张只有 B 的结果。",
    changed: "生成该结果之后对象已被更改：这不是当时分类的图片。",
    between: "对象在两次结果之间已被更改。",
    suspected: "失败信息没有指明对象键：问题不一定出在这张图片上。",
    settled: "此后已解决：图片已有结果，或已不存在。",
    numbers: "{n} 个数值",
    kind: {
      classified: "已分类", embedding: "特征向量", allow: "放行", review: "人工审核",
      block: "拦截", rejected: "已拒绝", failed: "失败",
    },
    absent: {
      no_images: "本页不含缩略图", gone: "对象已不存在",
      unread: "无法显示", elsewhere: "不在图片所在位置中", no_key: "事件没有指明对象",
      not_an_image: "不是图片", unsupported_format: "格式不支持", corrupt: "已损坏",
      too_many_bytes: "字节数过多", too_many_pixels: "像素过多", empty: "空对象",
      nothing_found: "未找到内容",
    },
    field: {
      key: "对象键", picture: "图片", model: "模型", bucket: "Bucket", version: "版本",
      digest: "摘要", recipe: "配方", attempts: "尝试次数", request: "请求",
    },
  },
};

const LANGUAGE = /^zh\b/i.test(navigator.language) ? "zh" : "en";
const words = WORDS[LANGUAGE];
const number = new Intl.NumberFormat(LANGUAGE);

// "{n} of {all}" with its values filled in, once: a value that looks like {all} stays as it is.
function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) =>
    typeof values[name] === "number" ? number.format(values[name]) : values[name]);
}

for (const [attribute, set] of [
  ["text", (element, text) => { element.textContent = text; }],
  ["label", (element, text) => { element.ariaLabel = element.title = text; }],
  ["hint", (element, text) => { element.placeholder = text; }],
]) {
  for (const element of document.querySelectorAll(`[data-${attribute}]`)) {
    set(element, words[element.dataset[attribute]]);
  }
}
document.documentElement.lang = LANGUAGE;
document.getElementById("count").textContent = words.loading;
