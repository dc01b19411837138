// An execution that waits for a person: what it asks, and the form that answers.

import { html, useRef, useState } from "../vendor/ui.js";
import { post } from "./api.js";
import { Countdown, OWNER } from "./pause_panel.js";
import { ActionButton, Button, attempt } from "./parts/controls.js";
import { Icon } from "./parts/status.js";
import { useKeys } from "./parts/keys.js";
import { Duration, Time } from "./parts/time.js";

const MOST_ANSWER = 100_000;
const MOST_REASON = 1000;

/** Reply to a suspended execution: a decision, or an answer. */
export const respond = (executionId, reply) => post(`/api/workflows/execution/${executionId}/respond`, { ...reply, owner: OWNER });

/** The bar of a suspended execution. @param {{execution: object}} given */
export function QuestionBar({ execution }) {
  const { question, executionId } = execution;
  const isApproval = question.kind === "approval";
  return html`<section class="pause-bar question-bar card" data-status="suspended" aria-label="Question">
    <div class="pause-words">
      <span class="pause-mark"><${Icon} name="suspended" size=${22} /></span>
      <div class="grow"><h2>${isApproval ? "It needs an approval" : "It asks for an answer"}: <span class="pause-where">${question.nodeLabel ?? question.nodeId}</span></h2>
        <p class="question-text">${question.text}</p>
        <p class="small soft pause-facts"><span>Since <${Time} at=${question.since} clock /> (<${Duration} since=${question.since} />)</span>
          <span>its browser stays open, its slot is free</span>
          <${Countdown} since=${question.since} timeoutMs=${question.timeoutMs} words="counts as unanswered" /></p></div></div>
    ${isApproval
      ? html`<${Decision} key=${question.number} executionId=${executionId} />`
      : html`<${Answer} key=${question.number} executionId=${executionId} question=${question} />`}</section>`;
}

function Decision({ executionId }) {
  const [reason, setReason] = useState("");
  const say = (approved) => respond(executionId, { approved, reason: reason.trim() || null });
  const words = { true: "Approved", false: "Rejected" };
  useKeys([
    { keys: ["y"], text: "Approve", group: "Question", run: () => attempt(() => say(true), words.true) },
    { keys: ["x"], text: "Reject", group: "Question", run: () => attempt(() => say(false), words.false) },
  ]);
  return html`<div class="question-form">
    <input class="input grow" value=${reason} maxlength=${MOST_REASON} placeholder="Why, for the record" aria-label="Reason" autocomplete="off" onInput=${(event) => setReason(event.target.value)} />
    <${ActionButton} kind="primary" icon="check" title="Approve (y)" done=${words.true} action=${() => say(true)}>Approve<kbd aria-hidden="true">y</kbd><//>
    <${ActionButton} kind="danger" icon="close" title="Reject (x)" done=${words.false} action=${() => say(false)}>Reject<kbd aria-hidden="true">x</kbd><//></div>`;
}

function Answer({ executionId, question }) {
  const [text, setText] = useState("");
  const [isShown, setShown] = useState(!question.secret);
  const field = useRef(null);
  const say = (answer) => respond(executionId, { answer });
  useKeys([{ keys: ["a"], text: "Go to the answer", group: "Question", run: () => field.current?.focus(), when: () => Boolean(field.current) }]);
  const onSubmit = (event) => {
    event.preventDefault();
    attempt(() => say(text), "Answered");
  };
  const refuse = html`<${ActionButton} kind="danger" icon="close" title="Refuse to answer" done="Refused" action=${() => respond(executionId, { approved: false })}>Refuse<//>`;
  if (question.choices.length > 0) {
    return html`<div class="question-form" role="group" aria-label="Answers">${question.choices.map((choice) => html`<${ActionButton} key=${choice} done="Answered" action=${() => say(choice)}>${choice}<//>`)}<span class="grow"></span>${refuse}</div>`;
  }
  return html`<form class="question-form" onSubmit=${onSubmit}>
    <input ref=${field} class="input grow" type=${isShown ? "text" : "password"} value=${text} maxlength=${MOST_ANSWER} placeholder=${question.secret ? "Secret answer: it is shown nowhere" : "Answer"}
      aria-label="Answer" autocomplete="off" spellcheck=${!question.secret} onInput=${(event) => setText(event.target.value)} />
    ${question.secret && html`<${Button} pressed=${isShown} onClick=${() => setShown(!isShown)}>Show<//>`}
    <button type="submit" class="button primary"><${Icon} name="check" />Answer</button>${refuse}</form>`;
}
