;;; codeflow-suggestion.el --- A suggestion and the text around point  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; Does a suggestion still fit, what of it is left, what becomes of the brackets that Emacs closed by itself,
;; and how much of it is a word or a line.  Texts only; knows neither windows nor the server.

;;; Code:

(require 'cl-lib)
(require 'subr-x)

(cl-defstruct (codeflow-suggestion (:constructor codeflow-suggestion-make) (:copier nil))
  "An answer of the server's."
  (item nil :documentation "As the server sent it.")
  (key nil :documentation "By which the server knows it.")
  (text "" :documentation "All that would stand there.")
  (start nil :documentation "A marker where its range begins.")
  (replaced "" :documentation "What stood in its range behind point; part of the text too.")
  (behind "" :documentation "What stands on the line behind its range."))

(cl-defstruct (codeflow-rest (:constructor codeflow-rest-make) (:copier nil))
  "What is left of a suggestion."
  (text "" :documentation "What is not there yet.")
  (over "" :documentation "What stands behind point and is part of it.")
  (places nil :documentation "Which characters of the text those are, in order."))

(defun codeflow-suggestion--places (text characters)
  "Which characters of TEXT are those of the string CHARACTERS.
In their order, as far to the right as can be; `none' where they are not."
  (let ((at (length text)) places)
    (cl-loop for number downfrom (1- (length characters)) to 0
             do (setq at (cl-position (aref characters number) text :end at :from-end t))
             while at do (push at places)
             finally return (if (= (length places) (length characters)) places 'none))))

(defun codeflow-suggestion-rest (one)
  "What is left of the suggestion ONE; nil where it does not fit any more."
  (let* ((start (marker-position (codeflow-suggestion-start one)))
         (text (codeflow-suggestion-text one))
         (typed (and start (<= start (point)) (< (- (point) start) (length text))
                     (buffer-substring-no-properties start (point))))
         (after (buffer-substring-no-properties (point) (line-end-position)))
         (behind (codeflow-suggestion-behind one)))
    (when (and typed (string-prefix-p typed text) (string-suffix-p behind after))
      (let* ((over (substring after 0 (- (length after) (length behind))))
             (left (substring text (length typed)))
             (places (codeflow-suggestion--places left over)))
        (unless (or (eq places 'none)
                    (eq 'none (codeflow-suggestion--places (concat typed over)
                                                           (codeflow-suggestion-replaced one))))
          (codeflow-rest-make :text left :over over :places places))))))

(defun codeflow-rest-covered (rest size)
  "How many characters behind point the first SIZE characters of REST replace."
  (cl-count-if (lambda (place) (< place size)) (codeflow-rest-places rest)))

;;; How much is accepted

(defun codeflow-suggestion-all (text)
  "How many characters of TEXT all of it is."
  (length text))

(defun codeflow-suggestion-word (text)
  "How many characters of TEXT are its first word, or run of signs.
The blanks before it are counted too."
  (string-match (rx bos (* (any space "\n")) (? (or (+ (any alnum "_")) (+ (not (any alnum "_" space "\n"))))))
                text)
  (match-end 0))

(defun codeflow-suggestion-line (text)
  "How many characters of TEXT are its first line, with the line break before it."
  (or (string-search "\n" text 1) (length text)))

(provide 'codeflow-suggestion)
;;; codeflow-suggestion.el ends here
