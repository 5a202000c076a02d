<?php

return [
    'redis' => [
        'client' => 'phpredis',
        'options' => ['prefix' => 'shop:'],
        'default' => ['host' => env('REDIS_HOST', '127.0.0.1'), 'port' => env('REDIS_PORT', 6379), 'database' => 0],
    ],
];
