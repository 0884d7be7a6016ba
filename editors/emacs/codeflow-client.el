;;; codeflow-client.el --- The CodeFlow server of a buffer  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; What codeflow.el asks of a buffer's server, whichever package speaks to it: codeflow-eglot.el and
;; codeflow-lsp.el answer.  Positions are counted here, because each version of those packages counts in its
;; own way.  Knows nothing of what is asked.

;;; Code:

(require 'cl-lib)
(require 'seq)
(require 'subr-x)

(defvar codeflow-client-functions nil
  "Functions that return the CodeFlow client of the current buffer, or nil.")

(cl-defgeneric codeflow-client-request (client method params success failure)
  "Ask CLIENT for METHOD with PARAMS; return the id of the request.
SUCCESS is called with the result, objects as property lists; FAILURE with
a sentence, or nil where the request was given up.")

(cl-defgeneric codeflow-client-cancel (client id)
  "Tell CLIENT that nobody waits for the request ID any more.")

(cl-defgeneric codeflow-client-notify (client method params)
  "Tell CLIENT's server METHOD with PARAMS.")

(cl-defgeneric codeflow-client-flush (client)
  "See to it that CLIENT's server has the text of the current buffer.")

(cl-defgeneric codeflow-client-uri (client)
  "The current buffer's file, as CLIENT's server knows it.")

(cl-defgeneric codeflow-client-path (client uri)
  "The file that URI stands for, as CLIENT has it.")

(cl-defgeneric codeflow-client-encoding (client)
  "How CLIENT and its server count: \"utf-8\", \"utf-16\" or \"utf-32\".")

(cl-defgeneric codeflow-client-apply (client edit)
  "Make EDIT, a WorkspaceEdit, by CLIENT's own means.")

(cl-defgeneric codeflow-client-restart (client)
  "Stop CLIENT's server and start it again.")

(defun codeflow-client ()
  "The client of the current buffer, or nil."
  (run-hook-with-args-until-success 'codeflow-client-functions))

(defun codeflow-client-or-lose ()
  "The client of the current buffer; an error where there is none."
  (or (codeflow-client)
      (user-error "CodeFlow: no server is attached to this buffer; start one by M-x eglot or M-x lsp")))

(defun codeflow-client-execute (client command &optional arguments success failure)
  "Have CLIENT's server execute COMMAND with ARGUMENTS, a vector.
SUCCESS and FAILURE are as in `codeflow-client-request'."
  (codeflow-client-request client "workspace/executeCommand"
                           (list :command command :arguments (or arguments []))
                           (or success #'ignore) (or failure #'ignore)))

;;; Positions

(defun codeflow-client-units (text encoding)
  "How many code units of ENCODING the string TEXT is."
  (pcase encoding
    ("utf-8" (string-bytes text))
    ("utf-32" (length text))
    (_ (+ (length text) (cl-count-if (lambda (character) (> character #xffff)) text)))))

(defun codeflow-client-position (client &optional place)
  "Where PLACE, or else point, is for CLIENT's server."
  (save-excursion
    (save-restriction
      (widen)
      (when place (goto-char place))
      (let* ((inhibit-field-text-motion t)
             (before (buffer-substring-no-properties (line-beginning-position) (point))))
        (list :line (1- (line-number-at-pos nil t))
              :character (codeflow-client-units before (codeflow-client-encoding client)))))))

(defun codeflow-client-place (client position)
  "Where CLIENT's server means by POSITION, in the current buffer."
  (save-excursion
    (save-restriction
      (widen)
      (goto-char (point-min))
      (forward-line (plist-get position :line))
      (let* ((inhibit-field-text-motion t)
             (encoding (codeflow-client-encoding client))
             (end (line-end-position))
             (left (plist-get position :character)))
        (while (and (> left 0) (< (point) end))
          (setq left (- left (codeflow-client-units (char-to-string (char-after)) encoding)))
          (forward-char))
        (point)))))

(defun codeflow-client-place-params (client)
  "What every request about point begins with, for CLIENT's server."
  (list :textDocument (list :uri (codeflow-client-uri client))
        :position (codeflow-client-position client)))

(provide 'codeflow-client)
;;; codeflow-client.el ends here
