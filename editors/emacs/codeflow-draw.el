;;; codeflow-draw.el --- Ghost text on the screen  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; Draws the rest of a suggestion by overlays, so that a line looks as it will once the text is accepted: what
;; stands behind point is drawn again where it will be.  One window only.  Knows neither keys nor the server.

;;; Code:

(require 'codeflow-options)
(require 'codeflow-suggestion)

(defvar-local codeflow-draw--overlays nil "What is drawn in this buffer.")

(defun codeflow-draw-clear ()
  "Take ghost text off the screen."
  (mapc #'delete-overlay codeflow-draw--overlays)
  (setq codeflow-draw--overlays nil))

(defun codeflow-draw--put (from to property string)
  "Show STRING as PROPERTY of the text between FROM and TO, in the selected window."
  (let ((overlay (make-overlay from to nil t nil)))
    (overlay-put overlay 'window (selected-window))
    (overlay-put overlay 'priority 1000)
    (overlay-put overlay property string)
    (push overlay codeflow-draw--overlays)))

(defun codeflow-draw--ghost (text)
  "TEXT as ghost text; the cursor stands before it."
  (let ((ghost (propertize text 'face 'codeflow-ghost)))
    (put-text-property 0 1 'cursor t ghost)
    ghost))

(defun codeflow-draw--on-one-line (rest more)
  "Draw REST, MORE behind it, around what stands behind point."
  (let ((text (codeflow-rest-text rest)) (from 0) (at (point)))
    (dolist (place (append (codeflow-rest-places rest) '(nil)))
      (let ((piece (concat (unless (eql from (or place (length text)))
                             (codeflow-draw--ghost (substring text from place)))
                           (unless place more))))
        (unless (string-empty-p piece)
          (codeflow-draw--put at at 'after-string piece)))
      (when place
        (setq from (1+ place) at (1+ at))))))

(defun codeflow-draw--on-lines (rest more)
  "Draw REST, MORE behind it, in place of what stands behind point.
That is drawn again behind the last line."
  (let* ((end (line-end-position))
         (behind (buffer-substring (+ (point) (length (codeflow-rest-over rest))) end))
         (ghost (concat (codeflow-draw--ghost (codeflow-rest-text rest)) behind more)))
    (if (= (point) end)
        (codeflow-draw--put end end 'after-string ghost)
      (codeflow-draw--put (point) end 'display ghost))))

(defun codeflow-draw (rest &optional number)
  "Draw REST of a suggestion at point, and its NUMBER among several."
  (codeflow-draw-clear)
  (let ((more (and number (propertize (concat " " number) 'face 'codeflow-more))))
    (if (string-search "\n" (codeflow-rest-text rest))
        (codeflow-draw--on-lines rest more)
      (codeflow-draw--on-one-line rest more))))

(provide 'codeflow-draw)
;;; codeflow-draw.el ends here
