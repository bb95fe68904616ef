/** What every view shows once something is pointed at or told: loaded after the first messages or rows. */

export const restStyle = `
button:disabled { opacity: .45; cursor: default; }
.notice { padding: .5rem 1rem; text-align: center; color: var(--faint); }
.notice.alert { background: var(--danger-ground); color: var(--danger); }
@media (pointer: coarse) {
  .main, .quiet { min-block-size: 44px; }
}
@media (forced-colors: active) {
  .main, .quiet { border: 1px solid ButtonText; }
  .dot { forced-color-adjust: none; background: Highlight; }
  .avatar { border: 1px solid CanvasText; color: CanvasText; }
}
`;
