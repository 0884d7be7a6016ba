;;; codeflow.el --- Ghost text and edits by a model on this machine  -*- lexical-binding: t; -*-

;; Author: The CodeFlow authors
;; Version: 0.1.0
;; Package-Requires: ((emacs "28.1"))
;; Keywords: convenience, languages, tools
;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; CodeFlow in Emacs: the commands, the keys, and the mode of a buffer that a CodeFlow server is attached to.
;; eglot or lsp-mode speaks to the server; with either, nothing has to be called but
;;
;;   (add-to-list 'load-path "~/src/codeflow/editors/emacs")
;;   (require 'codeflow)
;;
;; and M-x eglot or M-x lsp in a buffer.  docs/editors/emacs.md is the manual.

;;; Code:

(require 'codeflow-client)
(require 'codeflow-edit)
(require 'codeflow-ghost)
(require 'codeflow-options)
(require 'codeflow-show)
(require 'codeflow-suggestion)

(defvar codeflow-shown-map
  (let ((map (make-sparse-keymap)))
    (define-key map (kbd "TAB") #'codeflow-accept)
    (define-key map (kbd "<tab>") #'codeflow-accept)
    (define-key map (kbd "C-g") #'codeflow-dismiss)
    map)
  "Keys that hold while ghost text is visible, and only then.")

(defvar codeflow-mode-map (make-sparse-keymap)
  "Keys in buffers with a CodeFlow server: none, unless you add some.")

(defvar codeflow--keys (list (cons 'codeflow-ghost-shown codeflow-shown-map))
  "For `emulation-mode-map-alists': before the keys of all modes.")

;;;###autoload
(define-minor-mode codeflow-mode
  "Ghost text by a CodeFlow server.
Switched on by itself where eglot or lsp-mode attaches one.

\\{codeflow-shown-map}"
  :lighter (:eval (codeflow-show-lighter))
  (cond
   ((not codeflow-mode) (codeflow-ghost-detach))
   ((not codeflow-ghost-text))
   (t (add-to-list 'emulation-mode-map-alists 'codeflow--keys)
      (codeflow-ghost-attach))))

(defun codeflow-accept ()
  "Accept the suggestion."
  (interactive)
  (codeflow-ghost-accept #'codeflow-suggestion-all))

(defun codeflow-accept-word ()
  "Accept the next word of the suggestion."
  (interactive)
  (codeflow-ghost-accept #'codeflow-suggestion-word))

(defun codeflow-accept-line ()
  "Accept the next line of the suggestion."
  (interactive)
  (codeflow-ghost-accept #'codeflow-suggestion-line))

(defun codeflow-next ()
  "Show the next suggestion; ask for several where there is one, or none."
  (interactive)
  (codeflow-ghost-cycle 1))

(defun codeflow-previous ()
  "Show the previous suggestion; ask for several where there is one, or none."
  (interactive)
  (codeflow-ghost-cycle -1))

(defun codeflow-dismiss ()
  "Take the suggestion away until somebody types."
  (interactive)
  (codeflow-ghost-dismiss))

(defun codeflow-pull ()
  "Have the model, downloading it where it is missing or damaged."
  (interactive)
  (message "CodeFlow: the model is being obtained.")
  (codeflow-client-execute (codeflow-client-or-lose) "codeflow.model.obtain" []
                           (lambda (open) (when (eq open t) (message "CodeFlow: the model is there and open.")))
                           (lambda (problem) (message "CodeFlow: %s" problem))))

(defun codeflow-restart ()
  "Stop the server and start it again."
  (interactive)
  (codeflow-client-restart (codeflow-client-or-lose)))

(put 'codeflow-mode 'completion-predicate #'ignore) ; it is switched on by itself

(provide 'codeflow)

;; Behind `provide', because both need what is above.
(with-eval-after-load 'eglot (require 'codeflow-eglot))
(with-eval-after-load 'lsp-mode (require 'codeflow-lsp))

;;; codeflow.el ends here
