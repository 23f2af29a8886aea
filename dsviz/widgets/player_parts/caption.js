// ---- The caption: what happens now, in words -----------------------------------------------------

class Caption {
  constructor(player, parent) {
    this.player = player;
    this.nowText = h("span", { class: "ds-now" });
    this.words = h("span", { class: "ds-words", role: "status", "aria-live": "polite" });
    this.weather = h("span", { class: "ds-weather" });
    this.box = h("div", { class: "ds-caption" }, this.nowText, this.words, this.weather);
    parent.append(this.box);
  }

  /** Faults of all links at once have no place in the picture: they stand beside the caption. */
  showWeather() {
    const faults = this.player.run.linkFaults(this.player.t).filter((f) => f.src < 0 && f.dst < 0);
    const text = faults.length ? `every link: ${faults.map(linkWords).join(", ")}` : "";
    if (this.weather.textContent !== text) this.weather.textContent = text;
  }

  show() {
    this.showWeather();
    const quiet = this.player.playing && !this.player.reduced.matches && this.player.isQuiet();
    const now = ms(this.player.t);
    if (this.nowText.textContent !== now) this.nowText.textContent = now;
    const said = this.player.playing ? this.sayings() : this.player.run.sentencesAt(this.player.t);
    const verdict = this.player.run.verdicts[this.player.marked.verdict];
    const text = verdict && !this.player.playing ? verdict.sentence : quiet ? `nothing happens: shown ${QUIET_FACTOR} times faster` : said.length ? sentenceCase(said) : this.meanwhile();
    this.box.classList.toggle("ds-long", Boolean(verdict));
    if (this.words.textContent !== text) this.words.textContent = text;
    const errors = this.player.run.errors.filter((e) => e.t <= this.player.t && this.player.run.node(e.node, this.player.t).down);
    const error = errors.at(-1);
    this.box.classList.toggle("ds-bad", Boolean(error) && error.t === this.player.t);
    this.player.foot.showError(errors.filter((e) => e.t === error.t && e.error === error.error));
  }

  /** While playing: what happened last, long enough to be read. */
  sayings() {
    const times = this.player.run.stepTimes;
    const last = times[after(times, this.player.t) - 1];
    return last === undefined || this.player.t - last > this.player.run.pace * 1.5 ? [] : this.player.run.sentencesAt(last);
  }

  /** The moment in words when nothing happens exactly now. */
  meanwhile() {
    const { run, t } = this.player;
    const rows = run.inFlight(t);
    const parts = rows.slice(0, 4).map((row) => {
      const f = run.flights;
      return `${run.text(f.label[row])} (${run.names[f.src[row]]} → ${run.names[f.dst[row]]})`;
    });
    if (rows.length > 4) parts.push(`${rows.length - 4} more`);
    if (parts.length) return `Under way: ${listed(parts)}.`;
    if (t === 0) return this.player.live ? "The start. Press play, or go to a moment and break something." : "The start.";
    return t >= run.duration ? "The end of the run." : "All is quiet.";
  }
}

function sentenceCase(sentences) {
  const joined = sentences.slice(0, 3).join("; ");
  const shown = joined[0].toUpperCase() === joined[0] || /^\w+\d/.test(joined) ? joined : joined[0].toUpperCase() + joined.slice(1);
  return shown + (sentences.length > 3 ? `; and ${sentences.length - 3} more.` : ".");
}
