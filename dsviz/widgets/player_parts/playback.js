// ---- Time: where the player is, play and pause, steps from event to event ------------------------

const QUIET_FACTOR = 8; // stretches in which nothing happens are shown this much faster

/** The moment on show and how it moves. The player that extends it draws (`invalidate`). */
class Playback {
  constructor() {
    this.t = 0;
    this.speed = 1;
    this.playing = false;
    this.reduced = window.matchMedia("(prefers-reduced-motion: reduce)");
  }

  seek(t) {
    if (this.marked.verdict !== null && t !== this.run.verdicts[this.marked.verdict].at) this.marked.verdict = null;
    this.t = clamp(t, 0, this.run.duration);
    this.axis.range.value = this.t;
    this.invalidate();
  }

  goTo(t) {
    this.pause();
    this.seek(t);
  }

  /** Go to the next (+1) or previous (-1) moment at which something happens. */
  stepTo(direction, stop = false) {
    if (stop) this.pause();
    const times = this.run.stepTimes;
    const next = direction > 0 ? times[after(times, this.t)] : times[after(times, this.t - 1e-9) - 1];
    const beyond = direction > 0 ? this.run.duration : 0;
    const before = direction < 0 && next === this.t ? times[after(times, this.t) - 2] : next;
    this.seek((direction < 0 ? before : next) ?? beyond);
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  play() {
    if (this.t >= this.run.duration) this.t = 0;
    this.playing = true;
    this.last = null;
    this.showPlay();
    this.invalidate();
  }

  pause() {
    if (!this.playing) return;
    this.playing = false;
    this.showPlay();
    this.invalidate();
  }

  showPlay() {
    this.root.classList.toggle("ds-playing", this.playing);
    this.controls.playButton.replaceChildren(icon(this.playing ? "pause" : "play"), this.playing ? "pause" : "play");
    this.caption.words.setAttribute("aria-live", this.playing ? "off" : "polite");
  }

  setSpeed(speed) {
    const nearest = SPEEDS.reduce((best, s) => (Math.abs(s - speed) < Math.abs(best - speed) ? s : best));
    this.speed = SPEEDS.includes(speed) ? speed : nearest;
    this.controls.speedBox.value = String(this.speed);
  }

  /** Advance by one screen frame. Where motion is unwelcome, play goes from event to event. */
  advance(now) {
    const passed = this.last === null ? 0 : Math.min(now - this.last, 100);
    if (this.reduced.matches) {
      if (this.last !== null && now - this.last < 900 / this.speed) return;
      this.last = now;
      this.stepTo(1);
    } else {
      this.last = now;
      const factor = this.isQuiet() ? QUIET_FACTOR : 1;
      this.t += (passed / 1000) * this.run.pace * this.speed * factor;
    }
    if (this.t >= this.run.duration) {
      this.t = this.run.duration;
      this.pause();
    }
  }

  /** Whether nothing is under way and nothing happens soon. */
  isQuiet() {
    const { run, t } = this;
    const next = run.stepTimes[after(run.stepTimes, t)] ?? run.duration;
    const previous = run.stepTimes[after(run.stepTimes, t) - 1] ?? 0;
    if (next - t < run.pace * 0.6 || t - previous < run.pace * 0.6) return false;
    return run.inFlight(t).length === 0;
  }

  /** A fault's time: the moment on show, without needless digits. */
  now() {
    return this.tidy(this.t);
  }

  tidy(t) {
    const digits = this.run.pace >= 0.5 ? 1 : 3;
    return clamp(Number(t.toFixed(digits)), 0, this.run.duration);
  }
}
