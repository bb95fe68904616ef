/** What every view shows once something is pointed at or told: loaded after the first messages or rows. */

export const restStyle = `
:host {
  --danger-ground: var(--roomcast-danger-ground, light-dark(#fdeceb, #3a1d1b));
  --shade: var(--roomcast-shadow, 0 8px 28px rgb(0 0 0 / 18%));
}
.avatar { -webkit-user-select: none; }
.plain:hover { background: var(--hover); color: var(--ink); }
.quiet:hover { background: var(--hover); }
button:disabled { opacity: .45; cursor: default; }
.notice { padding: .5rem 1rem; text-align: center; color: var(--faint); }
.notice.alert { background: var(--danger-ground); color: var(--danger); }
@media (pointer: coarse) {
  .main, .quiet { min-block-size: 44px; }
}
@media (prefers-reduced-motion: reduce) {
  .spin, [aria-busy=true]::before { animation: roomcast-spin 4s linear infinite !important; }
}
@media (forced-colors: active) {
  .main, .quiet { border: 1px solid ButtonText; }
  .dot { forced-color-adjust: none; background: Highlight; }
  .avatar { border: 1px solid CanvasText; color: CanvasText; }
}
`;
