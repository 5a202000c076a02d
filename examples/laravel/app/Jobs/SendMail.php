<?php

namespace App\Jobs;

use Illuminate\Contracts\Queue\ShouldQueue;

/** Sends one mail, or seems to. */
class SendMail implements ShouldQueue
{
    public $tries = 2;

    public $to;

    public $job;

    public function __construct(string $to)
    {
        $this->to = $to;
    }

    public function setJob($job): void
    {
        $this->job = $job;
    }

    public function handle(): void
    {
        usleep(1000 * (int) env('MAIL_TAKES', 300));
        if (str_starts_with($this->to, 'bad')) {
            throw new \RuntimeException("no such address: {$this->to}");
        }
        echo "sent to {$this->to}\n";
    }
}
