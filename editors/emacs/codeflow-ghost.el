;;; codeflow-ghost.el --- Ghost text while typing  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; Asks for a suggestion when a key has rested, shows what the text will be, and takes it away as soon as it
;; does not fit any more.  One suggestion at a time, at point, and none beside a completion menu.  The server is
;; told what was shown and what was accepted.

;;; Code:

(require 'cl-lib)
(require 'codeflow-client)
(require 'codeflow-draw)
(require 'codeflow-options)
(require 'codeflow-suggestion)

(defvar company-candidates)
(defvar evil-local-mode)
(defvar evil-state)

(defconst codeflow-ghost--invoked 1)
(defconst codeflow-ghost--automatic 2)
(defconst codeflow-ghost--cursor-rests 0.15
  "Seconds after which the server is told where the cursor is.")

(defvar-local codeflow-ghost-shown nil
  "Whether ghost text is visible; `codeflow-shown-map' holds as long as it is.")
(defvar-local codeflow-ghost-latest nil "The key of the suggestion that was shown last.")
(defvar-local codeflow-ghost--found nil "The suggestions, the best first.")
(defvar-local codeflow-ghost--chosen nil "The one that is shown.")
(defvar-local codeflow-ghost--numbered nil "Whether they were asked for, and are counted.")
(defvar-local codeflow-ghost--asked nil "The client, and the id of the request that is awaited.")
(defvar-local codeflow-ghost--seen nil "What was there when it was last looked at.")
(defvar-local codeflow-ghost--quiet nil "The text for which nothing is shown unasked.")
(defvar-local codeflow-ghost--timer nil)
(defvar-local codeflow-ghost--cursor-timer nil)

(defun codeflow-ghost--menu-p ()
  "Whether a completion menu is open: company's, corfu's or Emacs's own."
  (or (bound-and-true-p company-candidates) (bound-and-true-p completion-in-region-mode)))

(defun codeflow-ghost--here ()
  "What a suggestion depends on: text, point and the completion menu."
  (list (buffer-chars-modified-tick) (point) (and (codeflow-ghost--menu-p) t)))

(defun codeflow-ghost--forget-request ()
  "Nothing is awaited any more."
  (dolist (timer (list codeflow-ghost--timer codeflow-ghost--cursor-timer))
    (when timer (cancel-timer timer)))
  (pcase-let ((`(,client . ,id) codeflow-ghost--asked))
    (setq codeflow-ghost--asked nil)
    (when client (codeflow-client-cancel client id))))

(defun codeflow-ghost--hide ()
  "Nothing is visible."
  (setq codeflow-ghost-shown nil)
  (codeflow-draw-clear))

(defun codeflow-ghost-clear ()
  "Nothing is shown, nothing is awaited."
  (codeflow-ghost--forget-request)
  (codeflow-ghost--hide)
  (setq codeflow-ghost--found nil
        codeflow-ghost--chosen nil
        codeflow-ghost--seen (codeflow-ghost--here)))

(defun codeflow-ghost--report-shown (one)
  "Tell the server that the suggestion ONE was seen."
  (let ((key (codeflow-suggestion-key one)) (client (codeflow-client)))
    (unless (or (null client) (equal key codeflow-ghost-latest))
      (setq codeflow-ghost-latest key)
      (codeflow-client-notify client "textDocument/didShowCompletion"
                              (list :item (codeflow-suggestion-item one))))))

(defun codeflow-ghost--show ()
  "Draw what fits of what was found, and forget the rest of it."
  (codeflow-ghost--hide)
  (setq codeflow-ghost--found (cl-remove-if-not #'codeflow-suggestion-rest codeflow-ghost--found))
  (unless (memq codeflow-ghost--chosen codeflow-ghost--found)
    (setq codeflow-ghost--chosen (car codeflow-ghost--found)))
  (when (and codeflow-ghost--chosen (not (codeflow-ghost--menu-p)))
    (codeflow-draw (codeflow-suggestion-rest codeflow-ghost--chosen)
                   (and codeflow-ghost--numbered (cdr codeflow-ghost--found)
                        (format "%d/%d" (1+ (cl-position codeflow-ghost--chosen codeflow-ghost--found))
                                (length codeflow-ghost--found))))
    (setq codeflow-ghost-shown t)
    (codeflow-ghost--report-shown codeflow-ghost--chosen)))

(defun codeflow-ghost--suggestion (client item)
  "The ITEM that CLIENT's server sent for point; nil where it cannot be shown."
  (let* ((text (plist-get item :insertText))
         (range (plist-get item :range))
         (start (if range (codeflow-client-place client (plist-get range :start)) (point)))
         (end (max (point) (if range (codeflow-client-place client (plist-get range :end)) (point)))))
    (when (and (stringp text) (not (string-empty-p text))
               (<= (line-beginning-position) start (point) end (line-end-position)))
      (codeflow-suggestion-make
       :item item :text text :start (copy-marker start)
       :key (let ((arguments (plist-get (plist-get item :command) :arguments)))
              (and (vectorp arguments) (> (length arguments) 0) (aref arguments 0)))
       :replaced (buffer-substring-no-properties (point) end)
       :behind (buffer-substring-no-properties end (line-end-position))))))

(defun codeflow-ghost--ask (trigger &optional step)
  "Ask the server; TRIGGER is the protocol's.
With STEP, show the suggestion that is so many after the one that is shown."
  (codeflow-ghost--forget-request)
  (when-let* ((client (codeflow-client)))
    (codeflow-client-flush client)
    (let ((here (codeflow-ghost--here))
          (before (and step codeflow-ghost-shown
                       (codeflow-rest-text (codeflow-suggestion-rest codeflow-ghost--chosen))))
          (buffer (current-buffer))
          (request (cons client nil)))
      (setq codeflow-ghost--asked request)
      (cl-flet ((when-awaited (act)
                  (when (buffer-live-p buffer)
                    (with-current-buffer buffer
                      (when (eq codeflow-ghost--asked request)
                        (setq codeflow-ghost--asked nil)
                        (when (equal here (codeflow-ghost--here)) (funcall act)))))))
        (setcdr request
                (codeflow-client-request
                 client "textDocument/inlineCompletion"
                 (append (codeflow-client-place-params client) (list :context (list :triggerKind trigger)))
                 (lambda (result)
                   (when-awaited (lambda () (codeflow-ghost--take client result trigger before step))))
                 (lambda (_) (when-awaited #'ignore))))))))

(defun codeflow-ghost--take (client result trigger before step)
  "Show what CLIENT's server answered: RESULT.
TRIGGER is what was asked by, BEFORE the text that was shown then, STEP how
far to go from it."
  (let* ((items (if (vectorp result) result (plist-get result :items)))
         (found (delq nil (mapcar (lambda (item) (codeflow-ghost--suggestion client item)) items))))
    (setq codeflow-ghost--found found
          codeflow-ghost--numbered (eql trigger codeflow-ghost--invoked)
          codeflow-ghost--chosen
          (if (and before found (equal before (codeflow-suggestion-text (car found))))
              (nth (mod step (length found)) found)
            (car found)))
    (codeflow-ghost--show)))

(defun codeflow-ghost--wanted-p (before now)
  "Whether to ask unasked, where what was there was BEFORE and is NOW."
  (and (not (equal (car before) (car now))) ; somebody typed, and did not only move
       (not codeflow-ghost--quiet)
       (not buffer-read-only)
       (not executing-kbd-macro)
       (not (memq this-command '(undo undo-only undo-redo)))
       (not (use-region-p))
       (or (not (bound-and-true-p evil-local-mode)) (memq evil-state '(insert emacs)))))

(defun codeflow-ghost-follow ()
  "Look at what may have changed: the text, point, the completion menu."
  (let ((before codeflow-ghost--seen) (now (codeflow-ghost--here)))
    (unless (equal before now)
      (unless (equal codeflow-ghost--quiet (car now)) (setq codeflow-ghost--quiet nil))
      (setq codeflow-ghost--seen now)
      (codeflow-ghost--forget-request)
      (codeflow-ghost--show)
      (if (codeflow-ghost--wanted-p before now)
          (setq codeflow-ghost--timer
                (run-with-idle-timer codeflow-delay nil #'codeflow-ghost--rested (current-buffer)))
        (setq codeflow-ghost--cursor-timer
              (run-with-idle-timer codeflow-ghost--cursor-rests nil #'codeflow-ghost--report-cursor
                                   (current-buffer)))))))

(defun codeflow-ghost--rested (buffer)
  "Ask, where somebody has typed into BUFFER and is still there."
  (when (eq buffer (window-buffer (selected-window)))
    (with-current-buffer buffer
      (when (and (bound-and-true-p codeflow-mode) (not (codeflow-ghost--menu-p)))
        (codeflow-ghost--ask codeflow-ghost--automatic)))))

(defun codeflow-ghost--report-cursor (buffer)
  "Tell the server where point rests in BUFFER: there it may read ahead."
  (when (eq buffer (window-buffer (selected-window)))
    (with-current-buffer buffer
      (when-let* ((client (and (not codeflow-ghost--asked) (codeflow-client))))
        (codeflow-client-flush client)
        (codeflow-client-notify client "codeflow/cursor"
                                (list :uri (codeflow-client-uri client)
                                      :position (codeflow-client-position client)))))))

(defun codeflow-ghost--window-selected (window)
  "Look at WINDOW, which was selected, or is not any more."
  (with-current-buffer (window-buffer window)
    (cond
     ((window-minibuffer-p (selected-window))) ; for a command that may be about ghost text
     ((not (eq window (selected-window))) (codeflow-ghost-clear))
     (t (when-let* ((client (codeflow-client)))
          (codeflow-client-notify client "textDocument/didFocus"
                                  (list :textDocument (list :uri (codeflow-client-uri client)))))))))

;;; What commands do

(defun codeflow-ghost-cycle (step)
  "Show the suggestion that is STEP after this one.
The first time, have several made."
  (setq codeflow-ghost--quiet nil)
  (if (not (and codeflow-ghost-shown codeflow-ghost--numbered))
      (codeflow-ghost--ask codeflow-ghost--invoked step)
    (let ((number (cl-position codeflow-ghost--chosen codeflow-ghost--found)))
      (setq codeflow-ghost--chosen
            (nth (mod (+ number step) (length codeflow-ghost--found)) codeflow-ghost--found))
      (codeflow-ghost--show))))

(defun codeflow-ghost-dismiss ()
  "Take ghost text away; none comes unasked before somebody types."
  (codeflow-ghost-clear)
  (setq codeflow-ghost--quiet (buffer-chars-modified-tick)))

(defun codeflow-ghost-accept (size-of)
  "Insert a part of the visible ghost text; SIZE-OF is its measure."
  (unless codeflow-ghost-shown
    (user-error "CodeFlow: there is no suggestion here"))
  (let* ((one codeflow-ghost--chosen)
         (rest (codeflow-suggestion-rest one))
         (text (codeflow-rest-text rest))
         (size (funcall size-of text)))
    (codeflow-ghost--hide)
    (undo-boundary) ; one undo takes away what was accepted, and not what was typed before
    (delete-region (point) (+ (point) (codeflow-rest-covered rest size)))
    (insert (substring text 0 size))
    (codeflow-ghost--report-accepted one (+ (- (length (codeflow-suggestion-text one)) (length text)) size))
    (codeflow-ghost-follow)))

(defun codeflow-ghost--report-accepted (one reached)
  "Tell the server that REACHED characters of the suggestion ONE stand there now."
  (when-let* ((client (codeflow-client)))
    (codeflow-client-flush client)
    (let* ((item (codeflow-suggestion-item one))
           (text (codeflow-suggestion-text one))
           (command (plist-get item :command)))
      (cond
       ((< reached (length text))
        (codeflow-client-notify
         client "textDocument/didPartiallyAcceptCompletion"
         (list :item item :acceptedLength (codeflow-client-units (substring text 0 reached) "utf-16"))))
       (command
        (codeflow-client-execute client (plist-get command :command) (plist-get command :arguments)))))))

;;; A buffer

(defconst codeflow-ghost--menu-hooks
  '(completion-in-region-mode-hook company-completion-started-hook company-after-completion-hook)
  "What is run when a completion menu opens or closes without a command.")

(defun codeflow-ghost--menu-changed (&rest _)
  "Look at what a completion menu has changed."
  (codeflow-ghost-follow))

(defun codeflow-ghost-attach ()
  "Follow what happens in the current buffer."
  (setq codeflow-ghost--seen (codeflow-ghost--here))
  (add-hook 'post-command-hook #'codeflow-ghost-follow nil t)
  (add-hook 'window-selection-change-functions #'codeflow-ghost--window-selected nil t)
  (add-hook 'kill-buffer-hook #'codeflow-ghost-clear nil t)
  (dolist (hook codeflow-ghost--menu-hooks)
    (add-hook hook #'codeflow-ghost--menu-changed nil t)))

(defun codeflow-ghost-detach ()
  "Leave the current buffer alone."
  (codeflow-ghost-clear)
  (remove-hook 'post-command-hook #'codeflow-ghost-follow t)
  (remove-hook 'window-selection-change-functions #'codeflow-ghost--window-selected t)
  (remove-hook 'kill-buffer-hook #'codeflow-ghost-clear t)
  (dolist (hook codeflow-ghost--menu-hooks)
    (remove-hook hook #'codeflow-ghost--menu-changed t)))

(provide 'codeflow-ghost)
;;; codeflow-ghost.el ends here
